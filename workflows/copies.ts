import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities, FoundState, HolderKind, StorageActivities } from '../activities/types.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { storageFailure } from './failure.ts';
import { storageControlQueue } from './queueNames.ts';

const { takeOver } = proxyActivities<Pick<ControlActivities, 'takeOver'>>({
  startToCloseTimeout: '12 seconds',
  scheduleToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
  summary: 'look for a copy of the state in storage',
});

/**
 * Where the worker keeps its files, and the newest copy of this workflow's state that it finds there.
 *
 * @throws ActivityFailure of the storage's failure code, in good time for whoever asked.
 */
export function findState(kind: HolderKind, name: string): Promise<FoundState> {
  return takeOver({ kind, name });
}

/** How long a copy waits for a machine that can reach the storage: whoever asked learns the reason in time. */
const NOBODY_CAME_MS = 8_000;

/**
 * Stores a numbered copy of a state; the state counts only once this resolves.
 *
 * @throws ApplicationFailure with the storage's failure code; whoever asked may ask again.
 */
export async function saveCopy<State extends { readonly storage: StorageIdentity; readonly copy: number }>(
  kind: HolderKind,
  name: string,
  state: State,
): Promise<State> {
  const { saveCopy: save } = proxyActivities<Pick<StorageActivities, 'saveCopy'>>({
    taskQueue: storageControlQueue(state.storage.id),
    scheduleToStartTimeout: NOBODY_CAME_MS,
    startToCloseTimeout: '12 seconds',
    scheduleToCloseTimeout: '12 seconds',
    retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
    summary: 'store a copy of the state',
  });
  const copy = { kind, name, number: state.copy + 1, state: { ...state, copy: state.copy + 1 } };
  const number = await save(copy).catch((error: unknown) => {
    throw storageFailure(error, { storage: state.storage, storageWaitMs: NOBODY_CAME_MS });
  });
  return { ...state, copy: number };
}
