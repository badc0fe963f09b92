/** Room for the line that makes a chunk full; a longer one makes it grow. */
const SPARE_BYTES = 256 * 1_024;

/**
 * A chunk that is being filled. Lines become bytes at once: strings that wait for their chunk would outlive the
 * collections of young objects, and fill the heap.
 */
export class OpenChunk {
  /** Counted over all lanes. */
  readonly number: number;
  #buffer: Buffer;
  #bytes = 0;
  #rows = 0;

  /** @param buffer of a chunk that is written, to be used again. */
  constructor(number: number, { chunkBytes, buffer }: { chunkBytes: number; buffer: Buffer | undefined }) {
    this.number = number;
    this.#buffer = buffer ?? Buffer.allocUnsafeSlow(chunkBytes + SPARE_BYTES);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** What it holds; overwritten once the buffer is used again. */
  get body(): Buffer {
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** The buffer, for the next chunk. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  append(line: string): void {
    // No character of a string takes more than three bytes.
    if (this.#buffer.length - this.#bytes < line.length * 3) this.#grow(Buffer.byteLength(line));
    this.#bytes += this.#buffer.write(line, this.#bytes, 'utf8');
    this.#rows += 1;
  }

  /** Takes a line that is written here. @param write writes at most so many bytes from a place on, and answers its end. */
  appendBytes(bytesMax: number, write: (buffer: Buffer, at: number) => number): void {
    this.#grow(bytesMax);
    this.#bytes = write(this.#buffer, this.#bytes);
    this.#rows += 1;
  }

  #grow(bytes: number): void {
    if (this.#buffer.length - this.#bytes >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(Math.ceil((this.#bytes + bytes) * 1.5));
    this.#buffer.copy(larger, 0, 0, this.#bytes);
    this.#buffer = larger;
  }
}
