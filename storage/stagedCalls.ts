import { CLOSING, COMMA, END, ENTRY, OPENING, ROW, SHARED_BYTES } from './calls.ts';
import { damagedChunk } from './damagedChunk.ts';
import { entriesOfLines, isOfLines, LEAD_BYTES } from './stagedLines.ts';

/** A staged call, for a closer look at it. */
export interface StagedCall {
  /** The row's number in the result, from 1. */
  readonly row: number;
  /** The call's JSON, a view of its chunk. */
  readonly json: Buffer;
  /** The part of it right after the brace that holds for a whole batch where the destination says so; perhaps empty. */
  readonly shared: Buffer;
}

const COMMA_BYTES = Buffer.of(COMMA);

/** Calls in memory. */
interface CallsInMemory {
  readonly memory: Buffer;
  /** Whether somebody else may still read the memory when its owner is through with the calls. */
  isStillRead: boolean;
  /** Where in its chunk the memory begins. */
  readonly offset: number;
  /** An entry for each call; its end is a place in the memory. */
  readonly entries: Float64Array;
  /** Bytes before the JSON of each call that are not of the call. */
  readonly leadBytes: number;
}

/**
 * Neighbouring calls of a staged chunk, as places in its memory. A chunk has thousands of them, and delivery looks at
 * few: an object for each costs more than all that is done with it.
 */
export class StagedCalls implements Iterable<StagedCall> {
  readonly #in: CallsInMemory;
  readonly #first: number;
  /** How many they are. */
  readonly count: number;

  /** @param of the numbers of those calls among all that there are entries of. */
  constructor(all: CallsInMemory, of: { readonly first: number; readonly count: number }) {
    this.#in = all;
    this.#first = of.first;
    this.count = of.count;
  }

  /** Some of them. @param first counted from 0. */
  slice(first: number, end = this.count): StagedCalls {
    return new StagedCalls(this.#in, { first: this.#first + first, count: end - first });
  }

  /** Bytes of the JSON of one of them. @param index counted from 0, here and below. */
  bytes(index: number): number {
    return this.#end(index) - this.#begin(index);
  }

  /** Bytes of its shared part. */
  sharedBytes(index: number): number {
    return this.#number(index, SHARED_BYTES);
  }

  /** Whether both of them have the same shared part. */
  share(one: number, other: number): boolean {
    const bytes = this.sharedBytes(one);
    if (bytes !== this.sharedBytes(other)) return false;
    if (bytes === 0) return true;
    const [begin, otherBegin] = [this.#begin(one) + 1, this.#begin(other) + 1];
    const { memory } = this.#in;
    return memory.compare(memory, otherBegin, otherBegin + bytes, begin, begin + bytes) === 0;
  }

  /** Where in the whole chunk the next call begins; after the last one, the end of the chunk. */
  end(index: number): number {
    const { memory, offset, entries } = this.#in;
    const isLast = (this.#first + index + 1) * ENTRY === entries.length;
    return offset + (isLast ? memory.length : this.#end(index) + 1);
  }

  /** One of them. */
  at(index: number): StagedCall {
    const { memory } = this.#in;
    const begin = this.#begin(index);
    return {
      row: this.#number(index, ROW),
      json: memory.subarray(begin, this.#end(index)),
      shared: memory.subarray(begin + 1, begin + 1 + this.sharedBytes(index)),
    };
  }

  *[Symbol.iterator](): Generator<StagedCall> {
    for (let index = 0; index < this.count; index += 1) yield this.at(index);
  }

  /** All of them, one at least, with commas in between; in the memory of the chunk, where they lie there so. */
  joined(): Buffer {
    const { memory, leadBytes } = this.#in;
    if (leadBytes === 0) return memory.subarray(this.#begin(0), this.#end(this.count - 1));
    const parts = [...this].flatMap(({ json }) => [COMMA_BYTES, json]);
    return Buffer.concat(parts.slice(1));
  }

  /** Says that somebody may still read what `joined` gave when its owner is through with the calls. */
  leave(): void {
    this.#in.isStillRead = true;
  }

  /** Whether that was said of any call of the chunk. */
  get isStillRead(): boolean {
    return this.#in.isStillRead;
  }

  #begin(index: number): number {
    const before = this.#first + index - 1;
    return (before < 0 ? 0 : this.#end(index - 1) + 1) + this.#in.leadBytes;
  }

  #end(index: number): number {
    return this.#number(index, END);
  }

  #number(index: number, what: number): number {
    return this.#in.entries[(this.#first + index) * ENTRY + what] ?? 0;
  }
}

/** What is known of a chunk whose calls are looked for. */
export interface ChunkFacts {
  /** How many calls the whole chunk has. */
  readonly rows: number;
  /** Where in it that begins which was read of it, in bytes; 0 unless said. */
  readonly offset?: number;
  /** Memory of `entriesFor` at least so many calls, and theirs until it is used again. */
  readonly entries?: Float64Array;
}

/**
 * Finds the calls of a chunk from a call's begin on, without parsing them.
 *
 * @param chunk its bytes from the offset on.
 * @throws RowcastError storage_corrupt where it is in none of the forms of a chunk.
 */
export function stagedCalls(chunk: Buffer, facts: ChunkFacts): StagedCalls {
  const { rows, offset = 0 } = facts;
  const room = (facts.entries ?? entriesFor(rows)).subarray(0, rows * ENTRY);
  if (isOfLines(chunk)) {
    const entries = entriesOfLines(chunk, offset, room);
    const count = entries.length / ENTRY;
    const all = { memory: chunk, isStillRead: false, offset, entries, leadBytes: LEAD_BYTES };
    return new StagedCalls(all, { first: 0, count });
  }
  // Nothing is left after the last call.
  const entries = chunk.length === 0 ? room.subarray(0, 0) : room;
  const first = placeEntries(entries, chunk, offset);
  const count = entries.length / ENTRY - first;
  const all = { memory: chunk, isStillRead: false, offset, entries, leadBytes: 0 };
  return new StagedCalls(all, { first, count });
}

/** The calls of a whole chunk that was filled in this process, of which nothing is checked. */
export function filledCalls(chunk: Buffer, rows: number): StagedCalls {
  const entries = entriesFor(rows);
  bytesIn(entries).set(chunk.subarray(chunk.length - entries.byteLength));
  const all = { memory: chunk, isStillRead: false, offset: 0, entries, leadBytes: 0 };
  return new StagedCalls(all, { first: 0, count: rows });
}

/**
 * Takes the entries from behind the calls of a chunk, as places in its bytes.
 *
 * @returns which call is the first of which there are bytes.
 */
function placeEntries(entries: Float64Array, chunk: Buffer, offset: number): number {
  const callsEnd = chunk.length - entries.byteLength;
  if (callsEnd < 0) throw damagedChunk(offset);
  bytesIn(entries).set(chunk.subarray(callsEnd));
  let begin = -offset;
  let first = 0;
  for (let at = 0; at < entries.length; at += ENTRY) {
    const end = integerAt(entries, at + END) - offset;
    if (!(end > begin)) throw damagedChunk(offset + begin);
    if (begin < 0) first += 1;
    // The first of them begins where these bytes do.
    else if (!isCall(chunk, begin, end, entries, at) || (begin > 0 && at === first * ENTRY)) {
      throw damagedChunk(offset + begin);
    }
    entries[at + END] = end;
    begin = end + 1;
  }
  if (begin !== callsEnd && chunk.length > 0) throw damagedChunk(offset + callsEnd);
  return first;
}

/** Memory for the entries of so many calls. */
export function entriesFor(calls: number): Float64Array<ArrayBuffer> {
  return new Float64Array(calls * ENTRY);
}

function bytesIn({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Whether there is a call, as far as can be seen without parsing it, and its entry is one. */
function isCall(chunk: Buffer, begin: number, end: number, entries: Float64Array, at: number): boolean {
  const row = entries[at + ROW] ?? 0;
  const sharedBytes = integerAt(entries, at + SHARED_BYTES);
  return (
    chunk[begin] === OPENING &&
    chunk[end - 1] === CLOSING &&
    chunk[end] === COMMA &&
    row > 0 &&
    row <= Number.MAX_SAFE_INTEGER &&
    Math.floor(row) === row &&
    sharedBytes >= 0 &&
    begin + 1 + sharedBytes < end
  );
}

/** A whole number of 31 bits, or -1. `Number.isInteger` would make an object of each. */
function integerAt(entries: Float64Array, at: number): number {
  const value = entries[at] ?? -1;
  const integer = value | 0;
  return integer === value ? integer : -1;
}
