import { isDeepStrictEqual } from 'node:util';
import { latestCopy, writeCopy } from '../storage/copies.ts';
import type { Storage } from '../storage/storage.ts';
import type { FoundState, HolderKind, SaveCopyInput } from './types.ts';

/** The storage of this worker, and the newest copy of a state in it. */
export async function takeOver(
  storage: Storage,
  input: { kind: HolderKind; name: string },
): Promise<FoundState> {
  return { storage: storage.identity, copy: await latestCopy(storage, input.kind, input.name) };
}

/**
 * Stores a copy of a state under a number, and answers the number: where another state has it already, because
 * the workflow was reset or rebuilt, the living workflow wins and its copy becomes the newest.
 */
export async function saveCopy(storage: Storage, input: SaveCopyInput): Promise<number> {
  const { kind, name, number, state } = input;
  const latest = await latestCopy(storage, kind, name);
  if (latest?.number === number && isDeepStrictEqual(latest.state, state)) return number;
  const next = latest === null ? number : Math.max(number, latest.number + 1);
  try {
    await writeCopy(storage, kind, name, { number: next, state });
    return next;
  } catch (error) {
    // An earlier attempt, given up but not ended, may have been faster.
    const newest = await latestCopy(storage, kind, name);
    if (newest === null || newest.number < next) throw error;
    return saveCopy(storage, input);
  }
}
