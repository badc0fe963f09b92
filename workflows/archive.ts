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
