import { condition, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ControlActivities, StorageActivities } from '../activities/types.ts';
import type { RemoveAnswer } from './contract.ts';
import { saveCopy } from './copies.ts';
import type { SyncState, Tombstone } from './messages.ts';
import { storageControlQueue } from './queueNames.ts';
import type { HeldSync } from './sync.ts';
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

/** A run that did not end by then cannot send any more after this: a heartbeat time-out and a request's. */
const QUIET_MS = 120_000;

interface Access {
  readonly inTurn: Turns;
  /** The state, taken over from storage where need be. @throws ApplicationFailure not_found */
  readonly existing: () => Promise<SyncState>;
}

/**
 * Deletes a sync: stops its run, puts a tombstone in place of its state, and removes its Schedule and what its runs
 * left in storage. The tombstone decides: before it nothing is deleted, after it the sync is gone.
 *
 * @throws ApplicationFailure not_found; of the storage that cannot keep the tombstone.
 */
export async function removeSync(name: string, held: HeldSync, access: Access): Promise<RemoveAnswer> {
  const { lease } = await access.existing();
  held.removing = true;
  try {
    const notices = lease === null ? [] : await stopRun(held, lease.record.run);
    const buried = await access.inTurn(() => bury(name, held));
    return { notices: [...notices, ...buried] };
  } finally {
    held.removing = false;
  }
}

async function stopRun(held: HeldSync, run: string): Promise<string[]> {
  const wasRunning = await cancelRun(run);
  if (!wasRunning) return [];
  const hasEnded = await condition(() => held.state?.lease?.record.run !== run, RUN_ENDS_MS);
  const record = held.state?.imports.find((candidate) => candidate.run === run);
  if (hasEnded)
    return [`The run ${run} was cancelled: ${record?.error ?? record?.outcome ?? 'it has ended'}`];
  return [`The run ${run} was told to stop and has not done so yet; see that a worker is running.`];
}

async function bury(name: string, held: HeldSync): Promise<string[]> {
  const { state } = held;
  if (state === null) return []; // Somebody else deleted it meanwhile.
  const now = Date.now();
  held.tombstone = await saveCopy<Tombstone>('sync', name, {
    version: 1,
    deletedAt: new Date(now).toISOString(),
    storage: state.storage,
    quietUntilMs: state.lease === null ? state.quietUntilMs : now + QUIET_MS,
    copy: state.copy,
  });
  held.state = null;
  setCurrentDetails(`Deleted at ${held.tombstone.deletedAt}.`);
  const leftovers = await Promise.all([
    removeSchedule(name).then(
      () => [],
      () => [
        `The Schedule rowcast-sync-${name} could not be removed; delete it with \`temporal schedule delete\`.`,
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
