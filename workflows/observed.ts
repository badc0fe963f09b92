import { proxySinks } from '@temporalio/workflow';
import type { Sinks } from '@temporalio/workflow';
import type { ImportRecord } from './contract.ts';
import type { SyncState } from './messages.ts';

/** What workflows tell the worker as it happens: not in replays, and without a trace in their histories. */
export interface RunSinks extends Sinks {
  readonly runs: {
    /** A run has ended and is recorded; so is one that was skipped, and one that was found to be lost. */
    ended(record: ImportRecord): void;
  };
}

const { runs } = proxySinks<RunSinks>();

/** Tells of the runs that a change of a sync's state recorded. */
export function tellEnded(before: SyncState | null, after: SyncState): void {
  const known = new Set(before?.imports.map(({ run }) => run));
  for (const record of after.imports) if (!known.has(record.run)) runs.ended(record);
}
