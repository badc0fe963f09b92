import { RowcastError } from '../errors.ts';

/** @param at the byte of a chunk where something else was found than a call. */
export function damagedChunk(at: number): RowcastError {
  return new RowcastError(
    'storage_corrupt',
    `A staged chunk is damaged at byte ${at}; the run fails, and its window repeats from the source.`,
  );
}
