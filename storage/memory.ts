/** Less than this is no burden as garbage. */
const REUSED_BYTES_MIN = 64 * 1_024;

/** So much is kept for later, some more than a run takes by default; with more under way at once, some becomes garbage. */
const KEPT_BYTES_MAX = 32 * 1_024 * 1_024;

/** Blocks are multiples of this, so that chunks of about the same size fit into each other's. */
const BLOCK_BYTES = 256 * 1_024;

/**
 * Memory for chunks, and for the tables of those that are being filled, used again and again by all that runs in a
 * process. V8 collects the garbage of the whole process for every 64 MB that are taken outside of its heap, and half of a
 * delivery's time went there. It is shared with the thread that makes digests.
 */
export class Memory {
  /** The blocks that nobody has, the one that waits longest first. */
  readonly #free: SharedArrayBuffer[] = [];
  #freeBytes = 0;
  /** Those that somebody has: one that was given back twice would be given to two. */
  readonly #taken = new WeakSet<SharedArrayBuffer>();

  /** Memory of just so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    if (bytes < REUSED_BYTES_MIN) return Buffer.allocUnsafe(bytes);
    const block = this.#smallest(bytes) ?? new SharedArrayBuffer(roundedUp(bytes));
    this.#taken.add(block);
    return Buffer.from(block, 0, bytes);
  }

  /** Takes memory back of which nothing is read or written any more. */
  giveBack({ buffer }: Buffer): void {
    if (!(buffer instanceof SharedArrayBuffer) || !this.#taken.delete(buffer)) return;
    this.#free.push(buffer);
    this.#freeBytes += buffer.byteLength;
    while (this.#freeBytes > KEPT_BYTES_MAX) this.#freeBytes -= this.#free.shift()?.byteLength ?? 0;
  }

  #smallest(bytesMin: number): SharedArrayBuffer | null {
    let at = -1;
    for (const [index, { byteLength }] of this.#free.entries()) {
      if (byteLength >= bytesMin && byteLength < (this.#free[at]?.byteLength ?? Infinity)) at = index;
    }
    const [block] = at < 0 ? [] : this.#free.splice(at, 1);
    this.#freeBytes -= block?.byteLength ?? 0;
    return block ?? null;
  }
}

function roundedUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
