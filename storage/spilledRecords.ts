import { ULID_CHARS } from '../mapping/messageId.ts';
import type { Scratch, Storage } from './storage.ts';

/** A messageId, and where in which chunk it stands. */
export interface IdRecord {
  readonly messageId: string;
  /** The number of the chunk, counted over all lanes. */
  readonly chunk: number;
  /** Offset in the chunk, in bytes. */
  readonly offset: number;
}

const RECORD_BYTES = ULID_CHARS + 4 + 4;
const READ_BYTES = RECORD_BYTES * 16_384;

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
  add(bucket: number, record: IdRecord): void {
    this.#buckets[bucket]?.add(record);
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

  /** The records of a bucket, in the order in which they came. */
  async *records(index: number): AsyncGenerator<IdRecord> {
    const bucket = this.#buckets[index];
    if (bucket === undefined) return;
    if (bucket.spilled && this.#scratch !== null) {
      for await (const block of this.#scratch.read(fileOf(index), READ_BYTES)) yield* recordsOf(block);
    }
    yield* recordsOf(bucket.take());
  }

  /** Removes the files. */
  async close(): Promise<void> {
    await this.#scratch?.[Symbol.asyncDispose]();
    this.#scratch = null;
  }
}

const fileOf = (bucket: number) => `bucket-${bucket}`;

class Bucket {
  /** Whether some of its records are in its file. */
  spilled = false;
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.#used >= this.#bytesMax;
  }

  add({ messageId, chunk, offset }: IdRecord): void {
    if (this.#used + RECORD_BYTES > this.#bytes.length) this.#grow();
    this.#bytes.write(messageId, this.#used, 'latin1');
    this.#bytes.writeUInt32LE(chunk, this.#used + ULID_CHARS);
    this.#bytes.writeUInt32LE(offset, this.#used + ULID_CHARS + 4);
    this.#used += RECORD_BYTES;
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(Math.max(16 * RECORD_BYTES, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
    return taken;
  }
}

function* recordsOf(block: Buffer): Generator<IdRecord> {
  for (let at = 0; at < block.length; at += RECORD_BYTES) {
    yield {
      messageId: block.toString('latin1', at, at + ULID_CHARS),
      chunk: block.readUInt32LE(at + ULID_CHARS),
      offset: block.readUInt32LE(at + ULID_CHARS + 4),
    };
  }
}
