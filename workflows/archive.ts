import { keepMs } from '../definitions/keepMs.ts';
import type { ImportRecord } from './contract.ts';
import type { SyncState } from './messages.ts';

/*
 * Imports that are no longer among the newest hundred wait in the state, and so in its copies, until there are enough
 * of them for one object in storage.
 */

/** How many imports a sync keeps in its state. */
export const IMPORTS_MAX = 100;

/** So many older ones go to storage together. */
export const SEGMENT_IMPORTS = 50;

/** A sync's imports with one more. Of older ones those stay that did something: an empty interval leaves nothing. */
export function withImport(
  { imports, outgoing = [], definition }: SyncState,
  record: ImportRecord,
): Pick<SyncState, 'imports' | 'outgoing'> {
  const all = [...imports, record];
  const keepsNone = keepMs(definition.keep, 'imports') === 0;
  const older = keepsNone ? [] : all.slice(0, -IMPORTS_MAX).filter(didSomething);
  return { imports: all.slice(-IMPORTS_MAX), outgoing: [...outgoing, ...older] };
}

function didSomething({ outcome, rows, skippedIntervals }: ImportRecord): boolean {
  return outcome !== 'skipped' && (outcome !== 'succeeded' || rows !== 0 || skippedIntervals > 0);
}

/** A state whose first so many outgoing imports are in storage. */
export function withoutArchived(state: SyncState, count: number): SyncState {
  return {
    ...state,
    outgoing: state.outgoing?.slice(count) ?? [],
    archived: (state.archived ?? 0) + count,
  };
}

/**
 * All imports that a sync holds, newest first; the run under way stands first of all. Of one that was retried while it
 * waited for storage, the latest.
 */
export function heldImports({ lease, imports, outgoing = [] }: SyncState): ImportRecord[] {
  const running = lease === null ? [] : [lease.record];
  const latest = new Map<string, ImportRecord>();
  for (const record of [...running, ...imports.toReversed(), ...outgoing.toReversed()]) {
    if (!latest.has(record.run)) latest.set(record.run, record);
  }
  return [...latest.values()];
}
