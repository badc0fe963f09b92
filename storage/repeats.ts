import { repeatMessageId, ULID_CHARS } from '../mapping/messageId.ts';
import { SpilledRecords } from './spilledRecords.ts';
import type { IdRecord } from './spilledRecords.ts';
import type { Storage } from './storage.ts';

const SEEN_BUCKETS = 256;
const PATCH_BUCKETS = 64;

/** Bytes that a bucket keeps in memory: 16 MB for the ids seen, at most. */
const BUCKET_BYTES = 64 * 1_024;

/** The ids to be written over in one chunk. */
export interface ChunkPatch {
  readonly chunk: number;
  /** Offset in the chunk, in bytes, to the id that belongs there. */
  readonly ids: readonly IdRecord[];
}

/**
 * Finds the rows of a result that are repeated, exactly, in memory that does not grow with the rows, and gives
 * each repetition an id of its own; the first in the query's order keeps its.
 *
 * Ids are collected in buckets by their last bits. At the end bucket after bucket is counted: all repetitions of a
 * row are in one of them, in the order of the rows, and of a bucket only the distinct ids are in memory. What is
 * to be changed is collected again by chunk. Small results never touch the disk.
 */
export class RepeatFinder {
  readonly #seen: SpilledRecords;
  readonly #patches: SpilledRecords;

  constructor(storage: Storage, bucketBytes = BUCKET_BYTES) {
    this.#seen = new SpilledRecords(storage, { buckets: SEEN_BUCKETS, bucketBytes });
    this.#patches = new SpilledRecords(storage, { buckets: PATCH_BUCKETS, bucketBytes });
  }

  /** Notes a call whose messageId is a digest. */
  add(record: IdRecord): void {
    this.#seen.add(bucketOf(record.messageId), record);
  }

  /** Moves to disk what is more than memory may hold; to be awaited once a page. */
  spill(): Promise<void> {
    return this.#seen.spill();
  }

  /** What is to be written over, chunk by chunk; a chunk comes once. */
  async *patches(): AsyncGenerator<ChunkPatch> {
    for (let bucket = 0; bucket < SEEN_BUCKETS; bucket += 1) await this.#count(bucket);
    for (let bucket = 0; bucket < PATCH_BUCKETS; bucket += 1) {
      const byChunk = new Map<number, IdRecord[]>();
      for await (const record of this.#patches.records(bucket)) {
        const ids = byChunk.get(record.chunk);
        if (ids === undefined) byChunk.set(record.chunk, [record]);
        else ids.push(record);
      }
      for (const [chunk, ids] of byChunk) yield { chunk, ids };
    }
  }

  async #count(bucket: number): Promise<void> {
    const counts = new Map<string, number>();
    let added = 0;
    for await (const { messageId, chunk, offset } of this.#seen.records(bucket)) {
      const repetition = counts.get(messageId) ?? 0;
      counts.set(messageId, repetition + 1);
      if (repetition === 0) continue;
      this.#patches.add(chunk % PATCH_BUCKETS, {
        messageId: repeatMessageId(messageId, repetition),
        chunk,
        offset,
      });
      added += 1;
      if (added % 1_000 === 0) await this.#patches.spill();
    }
    await this.#patches.spill();
  }

  /** Removes what is on disk. */
  async close(): Promise<void> {
    await this.#seen.close();
    await this.#patches.close();
  }
}

/** Eight bits of the digest, from the last two characters, of five bits each. */
function bucketOf(messageId: string): number {
  return ((messageId.charCodeAt(ULID_CHARS - 1) & 15) << 4) | (messageId.charCodeAt(ULID_CHARS - 2) & 15);
}
