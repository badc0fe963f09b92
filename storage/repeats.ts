import { repeatMessageId, ULID_TIME_CHARS } from '../mapping/messageId.ts';
import { IdCounts } from './idCounts.ts';
import { CHUNK_WORD, digestAt, OFFSET_WORD, RECORD_WORDS, SpilledRecords } from './spilledRecords.ts';
import { DIGEST_WORDS, PLACED_OFFSET, PLACED_WORDS, PlacedIds } from './placedIds.ts';
import type { Storage } from './storage.ts';

const SEEN_BUCKETS = 256;
const PATCH_BUCKETS = 64;

/** Bytes that a bucket keeps in memory: 16 MB for the ids seen, at most. */
const BUCKET_BYTES = 64 * 1_024;

/** The ids to be written over in one chunk. */
export interface ChunkPatch {
  readonly chunk: number;
  /** Offset in the chunk, in bytes, to the id that belongs there. */
  readonly ids: readonly { readonly messageId: string; readonly offset: number }[];
}

/**
 * Finds the rows of a result that are repeated, exactly, in memory that does not grow with the rows, and gives
 * each repetition an id of its own; the first in the query's order keeps its.
 *
 * Ids are collected in buckets by a hash of their last bits. At the end bucket after bucket is counted: all repetitions of a
 * row are in one of them, in the order of the rows, and of a bucket only the distinct ids are in memory. What is
 * to be changed is collected again by chunk. Small results never touch the disk.
 */
export class RepeatFinder {
  readonly #seen: SpilledRecords;
  readonly #patches: SpilledRecords;
  /** What all ids begin with: the time of the window. */
  #time = '';

  constructor(storage: Storage, bucketBytes = BUCKET_BYTES) {
    this.#seen = new SpilledRecords(storage, { buckets: SEEN_BUCKETS, bucketBytes });
    this.#patches = new SpilledRecords(storage, { buckets: PATCH_BUCKETS, bucketBytes });
  }

  /**
   * Notes the messageIds of a chunk that are digests of row and window.
   *
   * @param ids as `PlacedIds` has them.
   * @param number the chunk's, counted over all lanes.
   */
  add(ids: Int32Array, chunk: Buffer, number: number): void {
    if (this.#time === '' && ids.length > 0) {
      const begin = ids[PLACED_OFFSET] ?? 0;
      this.#time = chunk.toString('latin1', begin, begin + ULID_TIME_CHARS);
    }
    for (let at = 0; at < ids.length; at += PLACED_WORDS) {
      this.#seen.add(bucketOf(ids, at), ids, at, number, ids[at + PLACED_OFFSET] ?? 0);
    }
  }

  /** Moves to disk what is more than memory may hold; to be awaited once a page. */
  spill(): Promise<void> {
    return this.#seen.spill();
  }

  /** What is to be written over, chunk by chunk; a chunk comes once. */
  async *patches(): AsyncGenerator<ChunkPatch> {
    const counts = new IdCounts();
    for (let bucket = 0; bucket < SEEN_BUCKETS; bucket += 1) await this.#count(bucket, counts);
    for (let bucket = 0; bucket < PATCH_BUCKETS; bucket += 1) {
      const byChunk = new Map<number, { messageId: string; offset: number }[]>();
      for await (const records of this.#patches.records(bucket)) {
        for (let at = 0; at < records.length; at += RECORD_WORDS) {
          const chunk = records[at + CHUNK_WORD] ?? 0;
          const id = {
            messageId: this.#time + digestAt(records, at),
            offset: records[at + OFFSET_WORD] ?? 0,
          };
          const ids = byChunk.get(chunk);
          if (ids === undefined) byChunk.set(chunk, [id]);
          else ids.push(id);
        }
      }
      for (const [chunk, ids] of byChunk) yield { chunk, ids };
    }
  }

  async #count(bucket: number, counts: IdCounts): Promise<void> {
    counts.clear();
    let added = 0;
    for await (const records of this.#seen.records(bucket)) {
      for (let at = 0; at < records.length; at += RECORD_WORDS) {
        const repetition = counts.count(records, at);
        if (repetition === 0) continue;
        const first = this.#time + digestAt(records, at);
        const repeated = new PlacedIds(1);
        repeated.add(Buffer.from(repeatMessageId(first, repetition), 'latin1'), 0);
        const chunk = records[at + CHUNK_WORD] ?? 0;
        this.#patches.add(chunk % PATCH_BUCKETS, repeated.words, 0, chunk, records[at + OFFSET_WORD] ?? 0);
        added += 1;
        if (added % 1_000 === 0) await this.#patches.spill();
      }
    }
    await this.#patches.spill();
  }

  /** Removes what is on disk. */
  async close(): Promise<void> {
    await this.#seen.close();
    await this.#patches.close();
  }
}

/** Eight bits, from the last four characters of the digest, of five bits each. */
function bucketOf(ids: Int32Array, at: number): number {
  return Math.imul(ids[at + DIGEST_WORDS - 1] ?? 0, 0x9e3779b1) >>> 24;
}
