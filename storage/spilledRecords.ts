import { ULID_CHARS } from '../mapping/messageId.ts';
import type { Scratch, Storage } from './storage.ts';

/*
 * A record is a messageId, two empty bytes, the number of its chunk, counted over all lanes, and its offset in that
 * chunk, in bytes; in words of four bytes, so that records are compared and counted without a string.
 */
const WORD_BYTES = 4;
export const ID_WORDS = Math.ceil(ULID_CHARS / WORD_BYTES);
export const CHUNK_WORD = ID_WORDS;
export const OFFSET_WORD = ID_WORDS + 1;
export const RECORD_WORDS = ID_WORDS + 2;

const RECORD_BYTES = RECORD_WORDS * WORD_BYTES;
const READ_BYTES = RECORD_BYTES * 16_384;

/** The messageId of the record that begins at a word. */
export function idAt(records: Int32Array, word: number): string {
  const bytes = Buffer.from(records.buffer, records.byteOffset + word * WORD_BYTES, ULID_CHARS);
  return bytes.toString('latin1');
}

/** Records in numbered buckets, which go to files once they are full: as many as wanted in bounded memory. */
export class SpilledRecords {
  readonly #storage: Storage;
  readonly #buckets: Bucket[];
  #scratch: Scratch | null = null;

  /** @param bucketBytes bytes of one bucket that stay in memory. */
  constructor(storage: Storage, { buckets, bucketBytes }: { buckets: number; bucketBytes: number }) {
    this.#storage = storage;
    this.#buckets = Array.from({ length: buckets }, () => new Bucket(bucketBytes));
  }

  /** Takes a record into a bucket. A full bucket grows until `spill` is called. */
  add(bucket: number, messageId: Buffer, chunk: number, offset: number): void {
    this.#buckets[bucket]?.add(messageId, chunk, offset);
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
      for await (const block of this.#scratch.read(fileOf(index), READ_BYTES)) yield wordsOf(block);
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
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.#used >= this.#bytesMax;
  }

  add(messageId: Buffer, chunk: number, offset: number): void {
    if (this.#used + RECORD_BYTES > this.#bytes.length) this.#grow();
    for (let index = 0; index < ULID_CHARS; index += 1) {
      this.#bytes[this.#used + index] = messageId[index] ?? 0;
    }
    const word = this.#used / WORD_BYTES;
    this.#words[word + CHUNK_WORD] = chunk;
    this.#words[word + OFFSET_WORD] = offset;
    this.#used += RECORD_BYTES;
  }

  #grow(): void {
    const larger = Buffer.alloc(Math.max(16 * RECORD_BYTES, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
    this.#words = wordsOf(larger);
  }

  /** Its records, which the next ones overwrite. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#used = 0;
    return taken;
  }
}
