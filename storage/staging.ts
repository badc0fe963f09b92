import type { EncodedCall } from '../mapping/encodedMapper.ts';
import type { MappedCall } from '../mapping/mapper.ts';
import { messageIdOffset, stagedBytes, stagedLine, writeStagedLine } from './calls.ts';
import type { ChunkReference } from './manifest.ts';
import { OpenChunk } from './openChunk.ts';
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

/** Chunks that are on their way to storage at once. */
const WRITES_MAX = 2;

/**
 * Collects finished calls into chunks, lane by lane, and rows that failed into error files.
 *
 * Memory is bounded by lanes and two times the size of a chunk, provided that `flush` is awaited whenever it is
 * `full`, and after each page.
 */
export class Staging {
  readonly #options: StagingOptions;
  readonly #lanes: OpenChunk[];
  /** Chunks on their way to storage, while the next rows are read. */
  readonly #writing: Promise<void>[] = [];
  readonly #free: Buffer[] = [];
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
    if (call.repeatable) {
      const offset = chunk.bytes + messageIdOffset(call.sharedBytes);
      this.#repeats.add(Buffer.from(call.messageId, 'latin1'), chunk.number, offset);
    }
    chunk.append(stagedLine(row, call));
    this.#full ||= chunk.bytes >= this.#options.chunkBytes;
    this.#rows += 1;
  }

  /** The same for a call that is in bytes already. */
  addEncoded(row: number, call: EncodedCall): void {
    const chunk = this.#lanes[laneOf(call.person, this.#lanes.length)];
    if (chunk === undefined) return;
    const offset = chunk.bytes + messageIdOffset(call.sharedEnd - call.begin);
    this.#repeats.add(call.messageId, chunk.number, offset);
    chunk.appendBytes(stagedBytes(call), (buffer, at) => writeStagedLine(buffer, at, row, call));
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
    for (const [lane, chunk] of this.#lanes.entries()) {
      if (chunk.bytes >= this.#options.chunkBytes) await this.#write(lane, chunk);
    }
    if (this.#errorBytes >= ERROR_FILE_BYTES) await this.#writeErrors();
    await this.#repeats.spill();
  }

  /** Writes the rest, and gives repeated rows ids of their own. */
  async finish(): Promise<Staged> {
    for (const [lane, chunk] of this.#lanes.entries()) {
      if (chunk.rows > 0) await this.#write(lane, chunk);
    }
    await Promise.all(this.#writing);
    if (this.#errors.length > 0) await this.#writeErrors();
    for await (const patch of this.#repeats.patches()) await this.#rewrite(patch);
    await this.#repeats.close();
    return { lanes: this.#written, rows: this.#rows, failed: this.#failed, errorFiles: this.#errorFiles };
  }

  /** Lets go of temporary files; the attempt's folder is its owner's to remove, and nothing is written any more. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#writing);
    await this.#repeats.close();
  }

  #newChunk(): OpenChunk {
    const number = this.#chunks;
    this.#chunks += 1;
    return new OpenChunk(number, { chunkBytes: this.#options.chunkBytes, buffer: this.#free.pop() });
  }

  /** Begins to write a chunk, once there are not too many on their way. @throws what an earlier one failed with. */
  async #write(lane: number, chunk: OpenChunk): Promise<void> {
    if (this.#writing.length >= WRITES_MAX) await this.#writing.shift();
    const key = `${this.#options.folder}/chunks/${lane}-${String(chunk.number).padStart(6, '0')}`;
    const written = this.#options.storage.put(key, chunk.body).then(() => void this.#free.push(chunk.buffer));
    written.catch(() => undefined); // Thrown where it is awaited.
    this.#writing.push(written);
    const references = this.#written[lane] ?? [];
    this.#placesByNumber[chunk.number] = { lane, index: references.length };
    references.push({ key, rows: chunk.rows, bytes: chunk.bytes });
    this.#lanes[lane] = this.#newChunk();
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
    const { storage } = this.#options;
    const place = this.#placesByNumber[chunk];
    const reference = place && this.#written[place.lane]?.[place.index];
    const body = reference && (await storage.get(reference.key));
    if (!place || !reference || !body) throw new Error(`chunk ${chunk} is gone`);
    for (const { offset, messageId } of ids) body.write(messageId, offset, 'latin1');
    const key = `${reference.key}-repeats`;
    await storage.put(key, body);
    this.#written[place.lane]?.splice(place.index, 1, { ...reference, key });
    await storage.removeObjects([reference.key]);
  }
}

/** FNV-1a over the person's characters: cheap, and the same in every attempt. */
function laneOf(person: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < person.length; at += 1) {
    hash = Math.imul(hash ^ person.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0) % lanes;
}
