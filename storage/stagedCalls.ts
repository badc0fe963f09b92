import { CLOSING, COMMA, END, ENTRY, ENTRY_BYTES, OPENING, ROW, SHARED_BYTES } from './calls.ts';
import { damagedChunk } from './damagedChunk.ts';
import type { ChunkReference } from './manifest.ts';
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
  /** An entry for each call. */
  readonly entries: Float64Array;
  /** The place in the memory that the ends in the entries are counted from. */
  readonly endsFrom: number;
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
    return this.#number(index, END) - this.#in.endsFrom;
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
}

/**
 * Finds the calls of a chunk from a call's begin on, without parsing them.
 *
 * @param chunk its bytes from the offset on, which are left alone until the calls are no longer needed.
 * @throws RowcastError storage_corrupt where it is in none of the forms of a chunk.
 */
export function stagedCalls(chunk: Buffer, { rows, offset = 0 }: ChunkFacts): StagedCalls {
  const all = { memory: chunk, isStillRead: false, offset };
  if (isOfLines(chunk)) {
    const entries = entriesOfLines(chunk, offset, new Float64Array(rows * ENTRY));
    const count = entries.length / ENTRY;
    return new StagedCalls({ ...all, entries, endsFrom: 0, leadBytes: LEAD_BYTES }, { first: 0, count });
  }
  // Nothing is left after the last call.
  const entries = chunk.length === 0 ? NO_ENTRIES : entriesBehind(chunk, rows, offset);
  const first = mustBeCalls(chunk, entries, offset);
  const count = entries.length / ENTRY - first;
  return new StagedCalls({ ...all, entries, endsFrom: offset, leadBytes: 0 }, { first, count });
}

/** The calls of a whole chunk that was filled in this process, of which nothing is checked. */
export function filledCalls(chunk: Buffer, rows: number): StagedCalls {
  const entries = entriesBehind(chunk, rows, 0);
  const all = { memory: chunk, isStillRead: false, offset: 0, entries, endsFrom: 0, leadBytes: 0 };
  return new StagedCalls(all, { first: 0, count: rows });
}

/**
 * Memory for a chunk from an offset on, out of some that has `SPARE_BYTES` more than it needs: the entries of a chunk that
 * was read into it need not be copied to be looked at, and it is read fast.
 */
export function memoryForChunk(
  memory: Buffer,
  { bytes, rows }: Pick<ChunkReference, 'bytes' | 'rows'>,
  offset: number,
): Buffer {
  const entriesAt = memory.byteOffset + AFTER_PAGE_BYTES + bytes - rows * ENTRY_BYTES - offset;
  return memory.subarray(
    AFTER_PAGE_BYTES + ((ALIGNMENT_BYTES - (entriesAt % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES),
  );
}

/** Typed arrays begin at multiples of the bytes of their numbers. */
const ALIGNMENT_BYTES = Float64Array.BYTES_PER_ELEMENT;

/**
 * Large memory begins with a page, and a file that is read to within the first 16 bytes of one is copied five times slower
 * than to any other place, by the processors (AMD's Zen 3) whose `rep movsb` minds: measured, see docs/performance.md.
 */
const AFTER_PAGE_BYTES = 64;

export const SPARE_BYTES = AFTER_PAGE_BYTES + ALIGNMENT_BYTES;

const NO_ENTRIES = new Float64Array(0);

/** The entries behind the calls of a chunk; where they are not aligned, a copy. */
function entriesBehind(chunk: Buffer, rows: number, offset: number): Float64Array {
  const callsEnd = chunk.length - rows * ENTRY_BYTES;
  if (callsEnd < 0) throw damagedChunk(offset);
  const at = chunk.byteOffset + callsEnd;
  if (at % ALIGNMENT_BYTES === 0) return new Float64Array(chunk.buffer, at, rows * ENTRY);
  return new Float64Array(Uint8Array.from(chunk.subarray(callsEnd)).buffer);
}

/**
 * Looks whether the calls of a chunk are where their entries say.
 *
 * @returns which call is the first of which there are bytes.
 */
function mustBeCalls(chunk: Buffer, entries: Float64Array, offset: number): number {
  const callsEnd = chunk.length - entries.byteLength;
  let begin = -offset;
  let first = 0;
  let seen = 0;
  for (let at = 0; at < entries.length; at += ENTRY) {
    const end = integerAt(entries, at + END) - offset;
    if (!(end > begin) || end >= callsEnd) throw damagedChunk(offset + begin);
    if (begin < 0) first += 1;
    else {
      while (seen <= end) {
        const until = Math.min(seen + SEEN_BYTES, callsEnd);
        mustBeText(chunk, seen, until, offset);
        seen = until;
      }
      // The first of them begins where these bytes do.
      if (!isCall(chunk, begin, end, entries, at) || (begin > 0 && at === first * ENTRY)) {
        throw damagedChunk(offset + begin);
      }
    }
    begin = end + 1;
  }
  const hasNone = first * ENTRY === entries.length;
  if (chunk.length > 0 && (begin !== callsEnd || hasNone)) throw damagedChunk(offset + callsEnd);
  return first;
}

/** So much is looked through at a time; caches have room for it. */
const SEEN_BYTES = 64 * 1_024;

/**
 * Looks for a zero, of which there is none in JSON and many where a file has a hole. Who looks at the ends of calls alone
 * waits at each for memory to be read; memory that is read through comes into the caches ahead.
 */
function mustBeText(chunk: Buffer, begin: number, end: number, offset: number): void {
  const zero = chunk.subarray(begin, end).indexOf(0);
  if (zero >= 0) throw damagedChunk(offset + begin + zero);
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
