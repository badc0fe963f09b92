import type { EncodedCall } from '../mapping/encodedMapper.ts';
import type { MappedCall } from '../mapping/mapper.ts';
import { RowcastError } from '../errors.ts';
import { laneOf, laneOfBytes } from './lanes.ts';
import type { Digester } from './digester.ts';
import type { ChunkReference } from './manifest.ts';
import type { Memory } from './memory.ts';
import { OpenChunk } from './openChunk.ts';
import { withOthers } from './placedIds.ts';
import { RepeatFinder } from './repeats.ts';
import type { ChunkPatch } from './repeats.ts';
import type { Storage } from './storage.ts';

export interface StagingOptions {
  readonly storage: Storage;
  /** The folder of one attempt, which is its alone. */
  readonly folder: string;
  readonly lanes: number;
  /** A chunk is written once it holds so many bytes. */
  readonly chunkBytes: number;
  /** Where chunks have their memory from. */
  readonly memory: Memory;
  /** Who makes the digests of calls that come in bytes. */
  readonly digester: Digester;
  /** What every digest begins with, before the call. */
  readonly digestPrefix: string;
  /** Bytes that the search for repeated rows keeps of each of its buckets in memory. */
  readonly bucketBytes?: number;
}

/** What was staged. */
export interface Staged {
  readonly lanes: ChunkReference[][];
  readonly rows: number;
  readonly failed: number;
  readonly errorFiles: string[];
}

/** An error file is written once it holds so many bytes. */
const ERROR_FILE_BYTES = 1_024 * 1_024;

/** Room in a chunk's memory for the call that makes it full; a longer one makes it grow. */
const SPARE_BYTES = 256 * 1_024;

/** A chunk on its way: its digests are made, then it is written. */
interface WritingChunk {
  readonly chunk: OpenChunk;
  /** The messageIds to be noted, as `PlacedIds` has them, once the storage has no more use for its memory. */
  readonly ids: Promise<Int32Array>;
  /** Over once it is durable. */
  readonly stored: Promise<void>;
  hasIds: boolean;
}

/** Chunks at once whose digests are made, or that are being written: with fewer the main thread waits for them. */
const WRITES_MAX = 5;

/** Chunks at once that are written and not durable yet, which takes a disk its time, and no memory. */
const UNSETTLED_MAX = 16;

/**
 * Collects finished calls into chunks, lane by lane, and rows that failed into error files.
 *
 * Memory is bounded by lanes and five times the size of a chunk, provided that `flush` is awaited whenever it is
 * `full`, and after each page.
 */
export class Staging {
  readonly #options: StagingOptions;
  readonly #lanes: OpenChunk[];
  /** Chunks on their way to storage, while the next rows are read. */
  readonly #writing: WritingChunk[] = [];
  /** Those that are written, but not durable yet. */
  readonly #settling: Promise<void>[] = [];
  readonly #written: ChunkReference[][];
  readonly #placesByNumber: { lane: number; index: number }[] = [];
  readonly #repeats: RepeatFinder;
  #errors: string[] = [];
  #errorBytes = 0;
  readonly #errorFiles: string[] = [];
  #chunks = 0;
  #rows = 0;
  #failed = 0;
  #full = false;

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: options.lanes }, () => this.#newChunk());
    this.#written = Array.from({ length: options.lanes }, () => []);
    this.#repeats = new RepeatFinder(options.storage, options.bucketBytes);
  }

  /** Stages a call in the lane of its person. @param row the row's number in the result, from 1. */
  add(row: number, call: MappedCall): void {
    const chunk = this.#lanes[laneOf(call.person, this.#lanes.length)];
    if (chunk === undefined) return;
    chunk.append(row, call);
    this.#full ||= chunk.bytes >= this.#options.chunkBytes;
    this.#rows += 1;
  }

  /** The same for a call that is in bytes already, but for the digest in its messageId. */
  addEncoded(row: number, call: EncodedCall): void {
    const { person, personBegin, personEnd } = call;
    const chunk = this.#lanes[laneOfBytes(person, personBegin, personEnd, this.#lanes.length)];
    if (chunk === undefined) return;
    chunk.appendEncoded(row, call);
    this.#full ||= chunk.bytes >= this.#options.chunkBytes;
    this.#rows += 1;
  }

  /** Lists a row that cannot become a call. @param dataJson the row as JSON. */
  fail(row: number, { code, message }: { code: string; message: string }, dataJson: string): void {
    const line = `{"row":${row},"code":"${code}","message":${JSON.stringify(message)},"data":${dataJson}}\n`;
    this.#errors.push(line);
    this.#errorBytes += line.length;
    this.#full ||= this.#errorBytes >= ERROR_FILE_BYTES;
    this.#rows += 1;
    this.#failed += 1;
  }

  /** Whether something is to be written before more is added: a page may be many times the size of a chunk. */
  get full(): boolean {
    return this.#full;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Writes what is full. Awaiting it after each page is the back-pressure on the source. */
  async flush(): Promise<void> {
    this.#full = false;
    while (this.#writing[0]?.hasIds === true) await this.#finishOldest();
    for (const [lane, chunk] of this.#lanes.entries()) {
      if (chunk.bytes < this.#options.chunkBytes) continue;
      this.#lanes[lane] = this.#newChunk();
      await this.#write(lane, chunk);
    }
    if (this.#errorBytes >= ERROR_FILE_BYTES) await this.#writeErrors();
    await this.#repeats.spill();
  }

  /** Writes the rest, and gives repeated rows ids of their own. */
  async finish(): Promise<Staged> {
    for (const [lane, chunk] of this.#lanes.splice(0).entries()) {
      if (chunk.rows > 0) await this.#write(lane, chunk);
      else chunk.giveBack();
    }
    while (this.#writing.length > 0) {
      await this.#finishOldest();
      await this.#repeats.spill();
    }
    if (this.#errors.length > 0) await this.#writeErrors();
    await Promise.all(this.#settling);
    for await (const patch of this.#repeats.patches()) await this.#rewrite(patch);
    await this.#repeats.close();
    return { lanes: this.#written, rows: this.#rows, failed: this.#failed, errorFiles: this.#errorFiles };
  }

  /** Lets go of temporary files; the attempt's folder is its owner's to remove, and nothing is written any more. */
  async abandon(): Promise<void> {
    for (const { chunk, ids, stored } of this.#writing.splice(0)) {
      this.#settling.push(stored);
      // Memory that may still be read, after a failure, is left to V8.
      await ids.then(
        () => chunk.giveBack(),
        () => undefined,
      );
    }
    await Promise.allSettled(this.#settling.splice(0));
    for (const chunk of this.#lanes.splice(0)) chunk.giveBack();
    await this.#repeats.close();
  }

  #newChunk(): OpenChunk {
    const number = this.#chunks;
    this.#chunks += 1;
    const { memory, chunkBytes } = this.#options;
    return new OpenChunk(number, memory, chunkBytes + SPARE_BYTES);
  }

  /** Begins to write a chunk, once there are not too many on their way. @throws what an earlier one failed with. */
  async #write(lane: number, chunk: OpenChunk): Promise<void> {
    if (this.#writing.length >= WRITES_MAX) await this.#finishOldest();
    chunk.close();
    const key = `${this.#options.folder}/chunks/${lane}-${String(chunk.number).padStart(6, '0')}`;
    const ids = Promise.withResolvers<Int32Array>();
    const stored = this.#put(key, chunk, ids.resolve);
    stored.catch(ids.reject);
    const writing: WritingChunk = { chunk, ids: ids.promise, stored, hasIds: false };
    const over = () => void (writing.hasIds = true);
    writing.ids.then(over, over); // What it fails with is thrown where it is awaited.
    this.#writing.push(writing);
    const references = this.#written[lane] ?? [];
    this.#placesByNumber[chunk.number] = { lane, index: references.length };
    references.push({ key, rows: chunk.rows, bytes: chunk.bytes });
  }

  /** @param wasRead told the messageIds that are digests of row and window, in order. */
  async #put(key: string, chunk: OpenChunk, wasRead: (ids: Int32Array) => void): Promise<void> {
    const { storage, digester, digestPrefix } = this.#options;
    const made = chunk.hasBlanks
      ? await digester.fill(chunk.body, chunk.rows, digestPrefix)
      : new Int32Array(0);
    const ids = withOthers(made, chunk.ids, chunk.body);
    await storage.put(key, chunk.body, () => wasRead(ids));
    wasRead(ids);
  }

  /**
   * Waits for the chunk that has been on its way for longest, and notes its ids. Repetitions of a row are in the same lane,
   * so that they are noted in the order of the rows.
   */
  async #finishOldest(): Promise<void> {
    const oldest = this.#writing.shift();
    if (oldest === undefined) return;
    const { number, body } = oldest.chunk;
    this.#repeats.add(await oldest.ids, body, number);
    oldest.chunk.giveBack();
    this.#settling.push(oldest.stored);
    // Whoever fails leaves the others in the list, so that they are waited for.
    if (this.#settling.length > UNSETTLED_MAX) await this.#settling.shift();
  }

  async #writeErrors(): Promise<void> {
    const key = `${this.#options.folder}/errors/${String(this.#errorFiles.length).padStart(6, '0')}.ndjson`;
    await this.#options.storage.put(key, Buffer.from(this.#errors.join('')));
    this.#errorFiles.push(key);
    this.#errors = [];
    this.#errorBytes = 0;
  }

  /** Objects are never changed: a chunk with repeated rows is written again under another key. */
  async #rewrite({ chunk, ids }: ChunkPatch): Promise<void> {
    const { storage, memory } = this.#options;
    const place = this.#placesByNumber[chunk];
    const reference = place && this.#written[place.lane]?.[place.index];
    if (!place || !reference) throw new Error(`there is no chunk ${chunk}`);
    const block = memory.take(reference.bytes);
    const body = await storage.get(reference.key, 0, block);
    if (body?.length !== reference.bytes) throw damaged(reference, storage);
    for (const { offset, messageId } of ids) body.write(messageId, offset, 'latin1');
    const key = `${reference.key}-repeats`;
    await storage.put(key, body);
    memory.giveBack(block);
    this.#written[place.lane]?.splice(place.index, 1, { ...reference, key });
    await storage.removeObjects([reference.key]);
  }
}

function damaged({ key, bytes }: ChunkReference, { identity }: Storage): RowcastError {
  return new RowcastError(
    'storage_corrupt',
    `The staged chunk ${key} is gone from ${identity.location}, or has not its ${bytes} bytes any more; make sure that nothing but Rowcast changes files there, and try again.`,
  );
}
