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
export async function saveCopy(
  storage: Storage,
  { kind, name, number, state }: SaveCopyInput,
): Promise<number> {
  const latest = await latestCopy(storage, kind, name);
  if (latest !== null && latest.number >= number) {
    if (latest.number === number && isDeepStrictEqual(latest.state, state)) return number;
    await writeCopy(storage, kind, name, { number: latest.number + 1, state });
    return latest.number + 1;
  }
  await writeCopy(storage, kind, name, { number, state });
  return number;
}
