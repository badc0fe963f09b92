import type { QueryRequest } from './source.ts';

/** Whether a query that this source started, or took up, is left running for an attempt that comes after this one. */
export function isLeftRunning({ resume, signal }: QueryRequest, isLost: boolean): boolean {
  if (resume === undefined) return false;
  return signal.aborted ? resume.goesOn?.() === true : isLost;
}
