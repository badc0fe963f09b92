import { RowcastError } from '../errors.ts';
import type { ChunkReference } from '../storage/manifest.ts';
import type { Memory } from '../storage/memory.ts';
import { ALIGNMENT_BYTES, memoryForChunk, stagedCalls } from '../storage/stagedCalls.ts';
import type { StagedCalls } from '../storage/stagedCalls.ts';
import type { Storage } from '../storage/storage.ts';
import type { LaneRequest } from './laneRequest.ts';

/** A chunk that is being read, or has been. */
interface Reading {
  readonly chunk: Promise<Buffer>;
  isOver: boolean;
}

/** Memory that chunks are read into one after another. */
interface Piece {
  memory: Buffer;
  /** Those of the chunk that was read into it last; null while there is none, or another is being read. */
  calls: StagedCalls | null;
}

/**
 * The calls of a lane from a position on, chunk by chunk; each chunk is read while the calls of the one before it are
 * sent.
 *
 * All chunks are read into the same two pieces of memory by turns: as garbage they would cost more than their delivery.
 */
export class LaneChunks implements Disposable {
  readonly #storage: Storage;
  readonly #memory: Memory;
  readonly #references: readonly ChunkReference[];
  readonly #bytesMax: number;
  readonly #pieces: readonly Piece[];
  /** Where the next chunk is read from. */
  #index: number;
  #offset: number;
  #ahead: Reading | null = null;

  constructor({ storage, memory, chunks, position }: LaneRequest) {
    this.#storage = storage;
    this.#memory = memory;
    this.#references = chunks;
    this.#index = position.chunk;
    this.#offset = position.offset;
    const left = chunks.slice(position.chunk);
    this.#bytesMax = left.reduce((most, { bytes }) => Math.max(most, bytes), 0) + ALIGNMENT_BYTES;
    this.#pieces = left.slice(0, 2).map(() => ({ memory: memory.take(this.#bytesMax), calls: null }));
  }

  /**
   * The calls of the next chunk, until the one after it is asked for; null where there are no more.
   *
   * @throws RowcastError storage_corrupt where it is damaged or not whole; of the storage.
   */
  async next(): Promise<StagedCalls | null> {
    // What could not be read ahead may be there now.
    const chunk = (await this.#ahead?.chunk.catch(() => null)) ?? (await this.#reading()?.chunk);
    this.#ahead = null;
    if (chunk === undefined) return null;
    const rows = this.#references[this.#index]?.rows ?? 0;
    const calls = stagedCalls(chunk, { rows, offset: this.#offset });
    this.#pieceOfNext.calls = calls;
    this.#index += 1;
    this.#offset = 0;
    this.#ahead = this.#reading();
    return calls;
  }

  #reading(): Reading | null {
    const reference = this.#references[this.#index];
    if (reference === undefined) return null;
    const reading: Reading = { chunk: this.#read(reference), isOver: false };
    const over = () => (reading.isOver = true);
    void reading.chunk.then(over, over);
    return reading;
  }

  /** What is missing at its end would be calls that nobody misses. */
  async #read(reference: ChunkReference): Promise<Buffer> {
    const { key, bytes } = reference;
    const offset = this.#offset;
    const chunk = await this.#storage.get(key, offset, memoryForChunk(this.#freeMemory(), reference, offset));
    if (chunk !== null && offset + chunk.length === bytes) return chunk;
    const what = chunk === null ? 'is gone from' : `has ${offset + chunk.length} of its ${bytes} bytes in`;
    throw new RowcastError(
      'storage_corrupt',
      `The staged chunk ${key} ${what} ${this.#storage.identity.location}; the run fails, and its window repeats from the source.`,
    );
  }

  get #pieceOfNext(): Piece {
    return (this.#pieces[this.#index % 2] ?? this.#pieces[0]) as Piece;
  }

  /** Memory for the next chunk; what somebody else may still read is left to V8. */
  #freeMemory(): Buffer {
    const piece = this.#pieceOfNext;
    if (piece.calls?.isStillRead === true) piece.memory = this.#memory.take(this.#bytesMax);
    piece.calls = null;
    return piece.memory;
  }

  /** What is being read into is left to V8, too. */
  [Symbol.dispose](): void {
    const busy = this.#ahead?.isOver === false ? this.#pieceOfNext : undefined;
    for (const piece of this.#pieces) {
      if (piece !== busy && piece.calls?.isStillRead !== true) this.#memory.giveBack(piece.memory);
    }
  }
}
