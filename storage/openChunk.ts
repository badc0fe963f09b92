import type { EncodedCall } from '../mapping/encodedMapper.ts';
import type { MappedCall } from '../mapping/mapper.ts';
import { COMMA, END, ENTRY, ENTRY_BYTES, messageIdOffset, ROW, SHARED_BYTES } from './calls.ts';
import type { Memory } from './memory.ts';

/** Memory for the entries of a chunk until they are put behind its calls; of more calls, more is taken. */
const ENTRIES_BYTES = 256 * 1_024;

const NONE = Buffer.alloc(0);

/**
 * A chunk that is being filled. Calls become bytes at once: strings that wait for their chunk would outlive the
 * collections of young objects, and fill the heap.
 */
export class OpenChunk {
  /** Counted over all lanes. */
  readonly number: number;
  readonly #memory: Memory;
  #buffer: Buffer;
  #callBytes = 0;
  #entries: Buffer;
  #numbers: Float64Array;
  #rows = 0;
  #hasBlanks = false;
  readonly #ids: number[] = [];

  /** @param bytes to have room for; where its calls are more, it takes more. */
  constructor(number: number, memory: Memory, bytes: number) {
    this.number = number;
    this.#memory = memory;
    this.#buffer = memory.take(bytes);
    this.#entries = memory.take(ENTRIES_BYTES);
    this.#numbers = numbersIn(this.#entries);
  }

  /** Of its calls and their entries. */
  get bytes(): number {
    return this.#callBytes + this.#rows * ENTRY_BYTES;
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

  /** What it holds once it is closed, until its memory is given back. */
  get body(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }

  /** @param row the row's number in the result, from 1, here and below. */
  append(row: number, { json, sharedBytes, repeatable }: MappedCall): void {
    // No character of a string takes more than three bytes.
    if (this.#buffer.length - this.#callBytes <= json.length * 3) this.#grow(Buffer.byteLength(json) + 1);
    if (repeatable) this.#ids.push(this.#callBytes + messageIdOffset(sharedBytes));
    this.#end(row, this.#callBytes + this.#buffer.write(json, this.#callBytes, 'utf8'), sharedBytes);
  }

  /** The same for a call that is in bytes already, but for the digest in its messageId. */
  appendEncoded(row: number, call: EncodedCall): void {
    const { bytes, end, sharedBytes } = call;
    this.#grow(end + 1);
    this.#hasBlanks = true;
    this.#end(row, this.#callBytes + bytes.copy(this.#buffer, this.#callBytes, 0, end), sharedBytes);
  }

  /** Puts the entries behind the calls; no more are added. */
  close(): void {
    const bytes = this.#rows * ENTRY_BYTES;
    this.#grow(bytes);
    this.#entries.copy(this.#buffer, this.#callBytes, 0, bytes);
    this.#memory.giveBack(this.#entries);
    this.#entries = NONE; // Others have it from now on.
  }

  /** Lets others have its memory: nothing of it is looked at any more. */
  giveBack(): void {
    this.#memory.giveBack(this.#buffer);
    this.#memory.giveBack(this.#entries);
  }

  #end(row: number, end: number, sharedBytes: number): void {
    const at = this.#rows * ENTRY;
    if (at + ENTRY > this.#numbers.length) this.#growEntries();
    this.#numbers[at + ROW] = row;
    this.#numbers[at + END] = end;
    this.#numbers[at + SHARED_BYTES] = sharedBytes;
    this.#buffer[end] = COMMA;
    this.#callBytes = end + 1;
    this.#rows += 1;
  }

  #grow(bytes: number): void {
    if (this.#buffer.length - this.#callBytes < bytes) {
      this.#buffer = this.#larger(this.#buffer, Math.ceil((this.#callBytes + bytes) * 1.5));
    }
  }

  #growEntries(): void {
    this.#entries = this.#larger(this.#entries, this.#entries.length * 2);
    this.#numbers = numbersIn(this.#entries);
  }

  /** More memory with the same in it. */
  #larger(memory: Buffer, bytes: number): Buffer {
    const larger = this.#memory.take(bytes);
    memory.copy(larger);
    this.#memory.giveBack(memory);
    return larger;
  }
}

function numbersIn({ buffer, byteOffset, length }: Buffer): Float64Array {
  return new Float64Array(buffer, byteOffset, Math.floor(length / Float64Array.BYTES_PER_ELEMENT));
}
