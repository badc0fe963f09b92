import { DIGEST_WORDS } from './placedIds.ts';
import type { Scratch, Storage } from './storage.ts';

/*
 * A record is the digest in a messageId, as in `PlacedIds`, the number of its chunk, counted over all lanes, and its
 * offset in that chunk, in bytes.
 */
const WORD_BYTES = 4;
export const CHUNK_WORD = DIGEST_WORDS;
export const OFFSET_WORD = DIGEST_WORDS + 1;
export const RECORD_WORDS = DIGEST_WORDS + 2;

const RECORD_BYTES = RECORD_WORDS * WORD_BYTES;
const READ_BYTES = RECORD_BYTES * 16_384;

/** The 16 characters of the digest in the record that begins at a word. */
export function digestAt(records: Int32Array, word: number): string {
  const bytes = Buffer.from(
    records.buffer,
    records.byteOffset + word * WORD_BYTES,
    DIGEST_WORDS * WORD_BYTES,
  );
  return bytes.toString('latin1');
}

/** Records in numbered buckets, which go to files once they are full: as many as wanted in bounded memory. */
export class SpilledRecords {
  readonly #storage: Storage;
  readonly #buckets: Bucket[];
  #scratch: Scratch | null = null;
  /** What comes from files, file after file: 256 buckets would leave 100 MB of garbage. */
  #memory = Buffer.alloc(0);

  /** @param bucketBytes bytes of one bucket that stay in memory. */
  constructor(storage: Storage, { buckets, bucketBytes }: { buckets: number; bucketBytes: number }) {
    this.#storage = storage;
    this.#buckets = Array.from({ length: buckets }, () => new Bucket(bucketBytes));
  }

  /**
   * Takes a record into a bucket. A full bucket grows until `spill` is called.
   *
   * @param digest what holds the words of the digest, from a word on.
   * @param offset in the chunk, in bytes.
   */
  add(bucket: number, digest: Int32Array, word: number, chunk: number, offset: number): void {
    this.#buckets[bucket]?.add(digest, word, chunk, offset);
  }

  /** Moves full buckets to their files. */
  async spill(): Promise<void> {
    for (const [index, bucket] of this.#buckets.entries()) {
      if (!bucket.full) continue;
      this.#scratch ??= await this.#storage.scratch();
      bucket.spilled = true;
      await this.#scratch.append(fileOf(index), bucket.take());
    }
  }

  /** The records of a bucket, in the order in which they came; each block of them is overwritten by the next. */
  async *records(index: number): AsyncGenerator<Int32Array> {
    const bucket = this.#buckets[index];
    if (bucket === undefined) return;
    if (bucket.spilled && this.#scratch !== null) {
      if (this.#memory.length === 0) this.#memory = Buffer.allocUnsafeSlow(READ_BYTES);
      for await (const block of this.#scratch.read(fileOf(index), this.#memory)) yield wordsOf(block);
    }
    yield wordsOf(bucket.take());
  }

  /** Removes the files. */
  async close(): Promise<void> {
    await this.#scratch?.[Symbol.asyncDispose]();
    this.#scratch = null;
  }
}

const fileOf = (bucket: number) => `bucket-${bucket}`;

function wordsOf(block: Buffer): Int32Array {
  const aligned = block.byteOffset % WORD_BYTES === 0 ? block : new Uint8Array(block);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / WORD_BYTES);
}

class Bucket {
  /** Whether some of its records are in its file. */
  spilled = false;
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  #words: Int32Array = new Int32Array(0);
  /** Words of it. */
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.#used * WORD_BYTES >= this.#bytesMax;
  }

  add(digest: Int32Array, word: number, chunk: number, offset: number): void {
    if ((this.#used + RECORD_WORDS) * WORD_BYTES > this.#bytes.length) this.#grow();
    const [words, at] = [this.#words, this.#used];
    for (let index = 0; index < DIGEST_WORDS; index += 1) words[at + index] = digest[word + index] ?? 0;
    words[at + CHUNK_WORD] = chunk;
    words[at + OFFSET_WORD] = offset;
    this.#used += RECORD_WORDS;
  }

  #grow(): void {
    const larger = Buffer.alloc(Math.max(24 * RECORD_BYTES, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#used * WORD_BYTES);
    this.#bytes = larger;
    this.#words = wordsOf(larger);
  }

  /** Its records, which the next ones overwrite. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used * WORD_BYTES);
    this.#used = 0;
    return taken;
  }
}
