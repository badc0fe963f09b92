import { RowcastError } from '../errors.ts';
import type { ChunkReference } from '../storage/manifest.ts';
import type { Memory } from '../storage/memory.ts';
import { memoryForChunk, SPARE_BYTES, stagedCalls } from '../storage/stagedCalls.ts';
import type { StagedCalls } from '../storage/stagedCalls.ts';
import type { Storage } from '../storage/storage.ts';
import type { LaneRequest } from './laneRequest.ts';

/** A chunk that is being read into memory, or has been. */
interface Reading {
  readonly memory: Buffer;
  readonly chunk: Promise<Buffer>;
  isOver: boolean;
}

/**
 * The calls of a lane from a position on, chunk by chunk.
 *
 * Chunks are read into memory that is used again: as garbage they would cost more than their delivery.
 */
export class LaneChunks implements Disposable {
  readonly #storage: Storage;
  readonly #memory: Memory;
  readonly #references: readonly ChunkReference[];
  /** Where the next chunk is read from. */
  #index: number;
  #offset: number;
  #ahead: Reading | null = null;
  /** What was given last. */
  #current: { readonly memory: Buffer; readonly calls: StagedCalls } | null = null;

  constructor({ storage, memory, chunks, position }: LaneRequest) {
    this.#storage = storage;
    this.#memory = memory;
    this.#references = chunks;
    this.#index = position.chunk;
    this.#offset = position.offset;
  }

  /**
   * The calls of the next chunk, until the one after it is asked for; null where there are no more.
   *
   * @throws RowcastError storage_corrupt where it is damaged or not whole; of the storage.
   */
  async next(): Promise<StagedCalls | null> {
    this.#leaveCurrent();
    // What could not be read ahead may be there now.
    const read = await this.#ahead?.chunk.catch(() => null);
    if (!read) this.#leaveAhead();
    this.readAhead();
    const reading = this.#ahead;
    if (reading === null) return null;
    const chunk = read ?? (await reading.chunk);
    this.#ahead = null;
    const rows = this.#references[this.#index]?.rows ?? 0;
    const calls = stagedCalls(chunk, { rows, offset: this.#offset });
    this.#current = { memory: reading.memory, calls };
    this.#index += 1;
    this.#offset = 0;
    return calls;
  }

  /** Begins to read the next chunk. Until it is asked for, its memory is needed beside that of the one before. */
  readAhead(): void {
    const reference = this.#references[this.#index];
    if (this.#ahead !== null || reference === undefined) return;
    const memory = this.#memory.take(reference.bytes + SPARE_BYTES);
    const reading: Reading = { memory, chunk: this.#read(reference, memory), isOver: false };
    const over = () => (reading.isOver = true);
    void reading.chunk.then(over, over);
    this.#ahead = reading;
  }

  /** What is missing at its end would be calls that nobody misses. */
  async #read(reference: ChunkReference, memory: Buffer): Promise<Buffer> {
    const { key, bytes } = reference;
    const offset = this.#offset;
    const chunk = await this.#storage.get(key, offset, memoryForChunk(memory, reference, offset));
    if (chunk !== null && offset + chunk.length === bytes) return chunk;
    const what = chunk === null ? 'is gone from' : `has ${offset + chunk.length} of its ${bytes} bytes in`;
    throw new RowcastError(
      'storage_corrupt',
      `The staged chunk ${key} ${what} ${this.#storage.identity.location}; the run fails, and its window repeats from the source.`,
    );
  }

  /** What somebody may still read is left to V8. */
  #leaveCurrent(): void {
    if (this.#current?.calls.isStillRead === false) this.#memory.giveBack(this.#current.memory);
    this.#current = null;
  }

  /** What is still being read into is left to V8, too. */
  #leaveAhead(): void {
    if (this.#ahead?.isOver === true) this.#memory.giveBack(this.#ahead.memory);
    this.#ahead = null;
  }

  [Symbol.dispose](): void {
    this.#leaveCurrent();
    this.#leaveAhead();
  }
}
