import { ULID_CHARS, ULID_TIME_CHARS } from '../mapping/messageId.ts';

/*
 * MessageIds that are digests of row and window, and where they stand in their chunk, for the search for repeated rows:
 * the digest in words of four bytes, so that ids are compared and counted without a string, and the offset of the
 * messageId in bytes. Their time is that of the window in every one.
 */
const WORD_BYTES = 4;
export const DIGEST_WORDS = (ULID_CHARS - ULID_TIME_CHARS) / WORD_BYTES;
export const PLACED_OFFSET = DIGEST_WORDS;
export const PLACED_WORDS = DIGEST_WORDS + 1;

/** Collects the ids of one chunk. */
export class PlacedIds {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array;
  #used = 0;

  /** @param idsMax how many there may be. */
  constructor(idsMax: number) {
    this.#words = new Int32Array(idsMax * PLACED_WORDS);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  /** @param begin where in the chunk the messageId begins, in bytes. */
  add(chunk: Buffer, begin: number): void {
    const at = this.#used * WORD_BYTES;
    const digest = begin + ULID_TIME_CHARS;
    for (let index = 0; index < DIGEST_WORDS * WORD_BYTES; index += 1) {
      this.#bytes[at + index] = chunk[digest + index] ?? 0;
    }
    this.#words[this.#used + PLACED_OFFSET] = begin;
    this.#used += PLACED_WORDS;
  }

  /** All of them, each as so many words as above. */
  get words(): Int32Array<ArrayBuffer> {
    return this.#words.subarray(0, this.#used);
  }
}

/** The same with others of the chunk, in the order in which they stand there. @param others where those begin. */
export function withOthers(
  placed: Int32Array<ArrayBuffer>,
  others: readonly number[],
  chunk: Buffer,
): Int32Array<ArrayBuffer> {
  if (others.length === 0) return placed;
  const begins = [...others];
  for (let at = PLACED_OFFSET; at < placed.length; at += PLACED_WORDS) begins.push(placed[at] ?? 0);
  const all = new PlacedIds(begins.length);
  for (const begin of begins.sort((one, other) => one - other)) all.add(chunk, begin);
  return all.words;
}
