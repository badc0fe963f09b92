import { ActivityFailure, isCancellation, proxyActivities, TimeoutFailure } from '@temporalio/workflow';
import type { StorageActivities } from '../activities/types.ts';
import type { StorageQueues } from './messages.ts';

/** How long the machines of a storage may take to say that they are there. */
const SHOWS_MS = 10_000;

/**
 * Does work of a storage that waits for a machine only so long. Temporal cannot tell machines that are missing from
 * machines that are busy with other runs: where one says that it is there, the work waits again.
 */
export async function onceTaken<Result>(queues: StorageQueues, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUntaken(error) || !(await isSomebodyThere(queues))) throw error;
    }
  }
}

function isUntaken(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}

/** @throws CancelledFailure where the run is cancelled meanwhile. */
async function isSomebodyThere(queues: StorageQueues): Promise<boolean> {
  const { beThere } = proxyActivities<Pick<StorageActivities, 'beThere'>>({
    taskQueue: queues.control,
    scheduleToStartTimeout: SHOWS_MS,
    scheduleToCloseTimeout: SHOWS_MS,
    summary: 'see whether a machine is there',
  });
  try {
    await beThere();
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
