import { isDeepStrictEqual } from 'node:util';
import { CancelledFailure } from '@temporalio/common';
import { latestCopy, writeCopy } from '../storage/copies.ts';
import type { Storage } from '../storage/storage.ts';
import { describeSchedule } from './schedule.ts';
import { otherStorages } from './storages.ts';
import type { CopyOf, FoundState, SaveCopyInput, TakenOver } from './types.ts';

/** The storage of this worker, the newest copy of a state in it, and where else to look. */
export async function takeOver(storage: Storage, taskQueue: string, input: CopyOf): Promise<TakenOver> {
  const found = await findCopy(storage, input);
  const others = await otherStorages(taskQueue, storage.identity.id);
  const isScheduled = input.kind === 'sync' && (await describeSchedule(input.name)) !== null;
  return { ...found, others, isScheduled };
}

/** The newest copy of a state in this worker's storage. */
export async function findCopy(storage: Storage, { kind, name }: CopyOf): Promise<FoundState> {
  return { storage: storage.identity, copy: await latestCopy(storage, kind, name) };
}

/**
 * Stores a copy of a state under a number, and answers the number: where another state has it already, because
 * the workflow was reset or rebuilt, the living workflow wins and its copy becomes the newest.
 *
 * @param isAwaited whether the workflow still waits for this attempt: one that was given up puts nothing on top of
 * what was stored since.
 */
export async function saveCopy(
  storage: Storage,
  input: SaveCopyInput,
  isAwaited: () => Promise<boolean>,
): Promise<number> {
  const { kind, name, number, state } = input;
  const latest = await latestCopy(storage, kind, name);
  if (latest?.number === number && isDeepStrictEqual(latest.state, state)) return number;
  if (latest !== null && latest.number >= number && !(await isAwaited())) {
    throw new CancelledFailure('The workflow no longer waits for this attempt.');
  }
  const next = latest === null ? number : Math.max(number, latest.number + 1);
  try {
    await writeCopy(storage, kind, name, { number: next, state });
    return next;
  } catch (error) {
    // An earlier attempt, given up but not ended, may have been faster.
    const newest = await latestCopy(storage, kind, name);
    if (newest === null || newest.number < next) throw error;
    return saveCopy(storage, input, isAwaited);
  }
}
