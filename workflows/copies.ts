import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities, FoundState, HolderKind, StorageActivities } from '../activities/types.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { storageControlQueue } from './queueNames.ts';

const { takeOver } = proxyActivities<Pick<ControlActivities, 'takeOver'>>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
  summary: 'look for a copy of the state in storage',
});

/** Where the worker keeps its files, and the newest copy of this workflow's state that it finds there. */
export function findState(kind: HolderKind, name: string): Promise<FoundState> {
  return takeOver({ kind, name });
}

/** Stores a numbered copy of a state; the state counts only once this resolves. */
export async function saveCopy<State extends { readonly storage: StorageIdentity; readonly copy: number }>(
  kind: HolderKind,
  name: string,
  state: State,
): Promise<State> {
  const { saveCopy: save } = proxyActivities<Pick<StorageActivities, 'saveCopy'>>({
    taskQueue: storageControlQueue(state.storage.id),
    scheduleToStartTimeout: '2 minutes',
    startToCloseTimeout: '30 seconds',
    scheduleToCloseTimeout: '5 minutes',
    retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
    summary: 'store a copy of the state',
  });
  const number = await save({
    kind,
    name,
    number: state.copy + 1,
    state: { ...state, copy: state.copy + 1 },
  });
  return { ...state, copy: number };
}
