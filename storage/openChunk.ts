import type { Memory } from './memory.ts';

/**
 * A chunk that is being filled. Lines become bytes at once: strings that wait for their chunk would outlive the
 * collections of young objects, and fill the heap.
 */
export class OpenChunk {
  /** Counted over all lanes. */
  readonly number: number;
  readonly #memory: Memory;
  #buffer: Buffer;
  #bytes = 0;
  #rows = 0;
  #hasBlanks = false;
  readonly #ids: number[] = [];

  /** @param bytes to have room for; where its lines are more, it takes more. */
  constructor(number: number, memory: Memory, bytes: number) {
    this.number = number;
    this.#memory = memory;
    this.#buffer = memory.take(bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether some of its calls have a messageId whose digest is to be made. */
  get hasBlanks(): boolean {
    return this.#hasBlanks;
  }

  /** Where in it the messageIds begin that are digests of row and window already, in bytes. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** What it holds, until its memory is given back. */
  get body(): Buffer {
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** @param id where in the line its messageId begins, if that is a digest of row and window, in bytes; null where not. */
  append(line: string, id: number | null): void {
    // No character of a string takes more than three bytes.
    if (this.#buffer.length - this.#bytes < line.length * 3) this.#grow(Buffer.byteLength(line));
    if (id !== null) this.#ids.push(this.#bytes + id);
    this.#bytes += this.#buffer.write(line, this.#bytes, 'utf8');
    this.#rows += 1;
  }

  /** Its memory, with room for so many bytes behind those that it holds. */
  roomFor(bytes: number): Buffer {
    this.#grow(bytes);
    return this.#buffer;
  }

  /** Takes a line with a blank digest that was written into that room. @param end where it ends. */
  appended(end: number): void {
    this.#bytes = end;
    this.#rows += 1;
    this.#hasBlanks = true;
  }

  /** Lets others have its memory: nothing of it is looked at any more. */
  giveBack(): void {
    this.#memory.giveBack(this.#buffer);
  }

  #grow(bytes: number): void {
    if (this.#buffer.length - this.#bytes >= bytes) return;
    const larger = this.#memory.take(Math.ceil((this.#bytes + bytes) * 1.5));
    this.#buffer.copy(larger, 0, 0, this.#bytes);
    this.#memory.giveBack(this.#buffer);
    this.#buffer = larger;
  }
}
