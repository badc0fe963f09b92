import { within } from '../interrupts.ts';
import type { Ask } from './client.ts';
import type { JobReference } from './reader.ts';

/** Asks the service to stop a job, which it does within seconds. It never throws: a job may have ended before. */
export async function cancelJob(
  ask: Ask,
  { jobId, location }: JobReference,
  timeoutMs: number,
): Promise<void> {
  const cancelled = ask({ method: 'POST', uri: `/jobs/${jobId}/cancel`, qs: { location } });
  await within(timeoutMs, cancelled).catch(() => undefined);
}
