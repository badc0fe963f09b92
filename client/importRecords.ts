import { MESSAGES, syncWorkflowId } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import { lostWords } from '../workflows/words.ts';
import type { ClientContext } from './context.ts';
import { isRunning } from './progress.ts';

/** The imports that a sync keeps, newest first; null where there is no such sync. */
export function importsOf(
  context: ClientContext,
  sync: string,
  signal?: AbortSignal,
): Promise<ImportRecord[] | null> {
  return context.query<ImportRecord[]>(syncWorkflowId(sync), MESSAGES.imports, [{ limit: 1_000 }], signal);
}

/** The import of a run as its sync keeps it now; null where it does not any more. */
export async function importOf(
  context: ClientContext,
  { sync, run }: Pick<ImportRecord, 'sync' | 'run'>,
  signal?: AbortSignal,
): Promise<ImportRecord | null> {
  const imports = await importsOf(context, sync, signal);
  return imports?.find((candidate) => candidate.run === run) ?? null;
}

/** A run that was terminated cannot say so itself; the next run of the sync records it. */
export async function asItIs(
  context: ClientContext,
  record: ImportRecord,
  signal?: AbortSignal,
): Promise<ImportRecord> {
  if (record.outcome !== 'running' || (await isRunning(context, record.run, signal))) return record;
  const now = (await importOf(context, record, signal)) ?? record;
  if (now.outcome !== 'running') return now;
  return {
    ...now,
    outcome: 'failed',
    errorCode: 'run_lost',
    error: lostWords(now.retryOf !== undefined),
  };
}
