import { CancellationScope, condition, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ControlActivities, StorageActivities } from '../activities/types.ts';
import type { RemoveAnswer } from './contract.ts';
import { saveCopy } from './copies.ts';
import type { Lease, SyncState, Tombstone } from './messages.ts';
import { storageControlQueue } from './queueNames.ts';
import type { HeldSync } from './sync.ts';
import { tombstoneOf } from './syncState.ts';
import type { Turns } from './turns.ts';

const { cancelRun, removeSchedule } = proxyActivities<
  Pick<ControlActivities, 'cancelRun' | 'removeSchedule'>
>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '15 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds' },
});

/** How long a cancelled run is waited for: whoever asked is still there then. */
const RUN_ENDS_MS = 30_000;

interface Access {
  readonly inTurn: Turns;
  /** The state, taken over from storage where need be. @throws ApplicationFailure not_found */
  readonly existing: () => Promise<SyncState>;
}

/**
 * Deletes a sync: stops its run, puts a tombstone in place of its state, and removes its Schedule and what its runs
 * left in storage. The tombstone decides: before it nothing is deleted, after it the sync is gone. Who deletes it
 * while it is being deleted gets the same answer.
 *
 * @throws ApplicationFailure not_found; of the storage that cannot keep the tombstone.
 */
export function removeSync(name: string, held: HeldSync, access: Access): Promise<RemoveAnswer> {
  held.removal ??= CancellationScope.nonCancellable(() => remove(name, held, access)).finally(() => {
    held.removal = null;
  });
  return held.removal;
}

async function remove(name: string, held: HeldSync, { inTurn, existing }: Access): Promise<RemoveAnswer> {
  let lease: Lease | null;
  try {
    ({ lease } = await existing());
  } catch (error) {
    const notices = held.tombstone === null ? [] : await removeLeftSchedule(name, held.tombstone);
    if (notices.length === 0) throw error;
    return { notices };
  }
  const notices = lease === null ? [] : await stopRun(held, lease.record.run);
  return { notices: [...notices, ...(await inTurn(() => bury(name, held)))] };
}

/** A deletion that broke off after the tombstone is brought to its end by the next one. */
async function removeLeftSchedule(name: string, { deletedAt }: Tombstone): Promise<string[]> {
  const wasThere = await removeSchedule(name);
  return wasThere
    ? [`It was deleted at ${deletedAt} already; its Schedule had stayed, and is gone now.`]
    : [];
}

async function stopRun(held: HeldSync, run: string): Promise<string[]> {
  const wasRunning = await cancelRun(run);
  if (!wasRunning) return [];
  const hasEnded = await condition(() => held.state?.lease?.record.run !== run, RUN_ENDS_MS);
  if (!hasEnded)
    return [`The run ${run} was told to stop and has not done so yet; see that a worker is running.`];
  const record = held.state?.imports.find((candidate) => candidate.run === run);
  if (record?.outcome === 'cancelled') return [`The run ${run} was cancelled: ${record.error ?? ''}`];
  return [`The run ${run} had come to its end by itself: ${record?.outcome ?? 'its import is gone'}.`];
}

async function bury(name: string, held: HeldSync): Promise<string[]> {
  const { state } = held;
  if (state === null) return [];
  held.tombstone = await saveCopy('sync', name, tombstoneOf(state, Date.now()));
  held.state = null;
  setCurrentDetails(`Deleted at ${held.tombstone.deletedAt}.`);
  const leftovers = await Promise.all([
    removeSchedule(name).then(
      () => [],
      () => [
        `The Schedule rowcast-sync-${name} could not be removed; delete the sync once more, and it is tried again.`,
      ],
    ),
    removeRuns(name, state).then(
      () => [],
      () => [`The files of its runs could not be removed from ${state.storage.location}/runs/${name}.`],
    ),
  ]);
  return leftovers.flat();
}

async function removeRuns(name: string, { storage }: SyncState): Promise<void> {
  const { removeRuns: remove } = proxyActivities<Pick<StorageActivities, 'removeRuns'>>({
    taskQueue: storageControlQueue(storage.id),
    scheduleToCloseTimeout: '12 seconds',
    startToCloseTimeout: '12 seconds',
    summary: 'remove errors and calls of all runs',
  });
  await remove(name);
}
