import { RowcastError } from '../errors.ts';
import { LINE_PREFIX_BYTES, ROW_DIGITS, SHARED_DIGITS } from './calls.ts';

/** A staged call, for a closer look at it. */
export interface StagedCall {
  /** The row's number in the result, from 1. */
  readonly row: number;
  /** The call's JSON, a view of its chunk. */
  readonly json: Buffer;
  /** The part of it right after the brace that holds for a whole batch where the destination says so; perhaps empty. */
  readonly shared: Buffer;
}

const [LINE_FEED, COMMA, BRACE, ZERO] = [0x0a, 0x2c, 0x7b, 0x30];

/** Numbers that are kept of each call: where its JSON begins and ends in the chunk's memory, bytes of its shared part. */
const PLACE = 3;
const [BEGIN, END, SHARED_BYTES] = [0, 1, 2];

/**
 * Neighbouring calls of a staged chunk, as places in its memory. A chunk has thousands of them, and delivery looks at
 * few: an object for each costs more than all that is done with it.
 */
export class StagedCalls implements Iterable<StagedCall> {
  readonly #chunk: Buffer;
  /** The offset in the whole chunk at which its memory here begins. */
  readonly #offset: number;
  readonly #places: Int32Array;
  readonly #first: number;
  /** How many they are. */
  readonly count: number;

  /** @param of the numbers of those calls among all that there are places of. */
  constructor(
    chunk: { readonly memory: Buffer; readonly offset: number; readonly places: Int32Array },
    of: { readonly first: number; readonly count: number },
  ) {
    this.#chunk = chunk.memory;
    this.#offset = chunk.offset;
    this.#places = chunk.places;
    this.#first = of.first;
    this.count = of.count;
  }

  /** Some of them. @param first counted from 0. */
  slice(first: number, end = this.count): StagedCalls {
    const chunk = { memory: this.#chunk, offset: this.#offset, places: this.#places };
    return new StagedCalls(chunk, { first: this.#first + first, count: end - first });
  }

  /** Bytes of the JSON of one of them. @param index counted from 0, here and below. */
  bytes(index: number): number {
    return this.#place(index, END) - this.#place(index, BEGIN);
  }

  /** Bytes of its shared part. */
  sharedBytes(index: number): number {
    return this.#place(index, SHARED_BYTES);
  }

  /** Whether both of them have the same shared part. */
  share(one: number, other: number): boolean {
    const bytes = this.sharedBytes(one);
    if (bytes !== this.sharedBytes(other)) return false;
    if (bytes === 0) return true;
    const [begin, otherBegin] = [this.#place(one, BEGIN) + 1, this.#place(other, BEGIN) + 1];
    return this.#chunk.compare(this.#chunk, otherBegin, otherBegin + bytes, begin, begin + bytes) === 0;
  }

  /** The offset in the whole chunk just after the line of one of them. */
  end(index: number): number {
    return this.#offset + this.#place(index, END) + 1;
  }

  at(index: number): StagedCall {
    const begin = this.#place(index, BEGIN);
    return {
      row: digits(this.#chunk, begin - LINE_PREFIX_BYTES, ROW_DIGITS),
      json: this.#chunk.subarray(begin, this.#place(index, END)),
      shared: this.#chunk.subarray(begin + 1, begin + 1 + this.sharedBytes(index)),
    };
  }

  *[Symbol.iterator](): Generator<StagedCall> {
    for (let index = 0; index < this.count; index += 1) yield this.at(index);
  }

  /** Bytes of all of them with commas in between, where a line feed and the next one's prefix are in the chunk. */
  get joinedBytes(): number {
    if (this.count === 0) return 0;
    const inChunk = this.#place(this.count - 1, END) - this.#place(0, BEGIN);
    return inChunk - (this.count - 1) * LINE_PREFIX_BYTES;
  }

  /** Copies all of them, with commas in between, to a place that has room for them. @returns where they end. */
  copyJoined(target: Buffer, start: number): number {
    let at = start;
    for (let index = 0; index < this.count; index += 1) {
      if (index > 0) target[at++] = COMMA;
      at += this.#chunk.copy(target, at, this.#place(index, BEGIN), this.#place(index, END));
    }
    return at;
  }

  #place(index: number, what: number): number {
    return this.#places[(this.#first + index) * PLACE + what] ?? 0;
  }
}

/**
 * Finds the calls of a chunk, without parsing them.
 *
 * @param chunk its bytes from a line's begin on, less than 2 GiB.
 * @param offset of that line in the whole chunk.
 * @param memory for the places of the calls, used where it has room, and theirs until it is used again.
 * @throws RowcastError storage_corrupt where a line is not in the form of `stagedLine`.
 */
export function stagedCalls(chunk: Buffer, offset = 0, memory = placesFor(4_096)): StagedCalls {
  let places = memory;
  let count = 0;
  for (let start = 0; start < chunk.length; count += 1) {
    const lineFeed = chunk.indexOf(LINE_FEED, start);
    const row = digits(chunk, start, ROW_DIGITS);
    const sharedBytes = digits(chunk, start + ROW_DIGITS + 1, SHARED_DIGITS);
    const json = start + LINE_PREFIX_BYTES;
    // Where there is no line feed, where a number is none, and where the shared part is longer than the line.
    if (Number.isNaN(row) || chunk[json] !== BRACE || !(json + 1 + sharedBytes <= lineFeed)) {
      throw new RowcastError(
        'storage_corrupt',
        `A staged chunk is damaged at byte ${offset + start}; the run fails, and its window repeats from the source.`,
      );
    }
    if (count * PLACE >= places.length) places = twiceAsMany(places);
    places[count * PLACE + BEGIN] = json;
    places[count * PLACE + END] = lineFeed;
    places[count * PLACE + SHARED_BYTES] = sharedBytes;
    start = lineFeed + 1;
  }
  return new StagedCalls({ memory: chunk, offset, places }, { first: 0, count });
}

/** Memory for the places of so many calls. */
export function placesFor(calls: number): Int32Array<ArrayBuffer> {
  return new Int32Array(calls * PLACE);
}

function twiceAsMany(places: Int32Array): Int32Array<ArrayBuffer> {
  const more = new Int32Array(Math.max(PLACE, places.length * 2));
  more.set(places);
  return more;
}

function digits(chunk: Buffer, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at += 1) {
    const digit = (chunk[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}
