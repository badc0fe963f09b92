import { RowcastError } from '../errors.ts';
import type { EncodedCall } from '../mapping/encodedMapper.ts';
import type { MappedCall } from '../mapping/mapper.ts';
import { ULID_CHARS } from '../mapping/messageId.ts';

/*
 * The form of a staged line, which delivery cuts into batches without parsing it:
 *
 *     RRRRRRRRRR SSSSSSSSS {"context":{…},"messageId":"…","type":"identify",…}\n
 *
 * R: the row's number, ten digits. S: bytes of the shared part after the brace, nine digits (see `MappedCall`).
 */
const ROW_DIGITS = 10;
const SHARED_DIGITS = 9;
const LINE_PREFIX_BYTES = ROW_DIGITS + 1 + SHARED_DIGITS + 1;

const MESSAGE_ID_KEY = '"messageId":"';

/** A staged call: a place in the memory of its chunk. */
export class StagedCall {
  /** The row's number in the result, from 1. */
  readonly row: number;
  /** Bytes of the call's JSON. */
  readonly bytes: number;
  /** Bytes of the part right after its brace that holds for a whole batch where the destination says so; perhaps 0. */
  readonly sharedBytes: number;
  /** Offset in the whole chunk just after this line. */
  readonly end: number;
  readonly #chunk: Buffer;
  readonly #begin: number;

  /** @param place where its JSON begins and how long it is, in a chunk's memory. */
  constructor(
    chunk: Buffer,
    place: { readonly begin: number; readonly bytes: number; readonly sharedBytes: number },
    { row, end }: { readonly row: number; readonly end: number },
  ) {
    this.#chunk = chunk;
    this.#begin = place.begin;
    this.bytes = place.bytes;
    this.sharedBytes = place.sharedBytes;
    this.row = row;
    this.end = end;
  }

  /** The call's JSON, without prefix and line feed; a view, as a batch has thousands of calls and needs few of them. */
  get json(): Buffer {
    return this.#chunk.subarray(this.#begin, this.#begin + this.bytes);
  }

  /** The shared part. */
  get shared(): Buffer {
    return this.#chunk.subarray(this.#begin + 1, this.#begin + 1 + this.sharedBytes);
  }

  /** Whether both have the same shared part. */
  sharesWith(other: StagedCall): boolean {
    if (this.sharedBytes !== other.sharedBytes) return false;
    return this.sharedBytes === 0 || this.shared.equals(other.shared);
  }

  /** Copies its JSON to a place that has room for it. @returns its bytes. */
  copyTo(target: Buffer, at: number): number {
    return this.#chunk.copy(target, at, this.#begin, this.#begin + this.bytes);
  }
}

/** A call as a staged line, with its line feed. */
export function stagedLine(row: number, { json, sharedBytes }: MappedCall): string {
  return `${String(row).padStart(ROW_DIGITS, '0')} ${String(sharedBytes).padStart(SHARED_DIGITS, '0')} ${json}\n`;
}

/** The bytes of an encoded call as a staged line. */
export function stagedBytes({ begin, sharedEnd, end }: EncodedCall): number {
  return messageIdOffset(sharedEnd - begin) + ULID_CHARS + AFTER_ID.length + end - sharedEnd + 1;
}

/** Writes an encoded call as a staged line into memory that has room for it. @returns where it ends. */
export function writeStagedLine(target: Buffer, start: number, row: number, call: EncodedCall): number {
  const { bytes, begin, sharedEnd, end, messageId } = call;
  writeDigits(target, start, row, ROW_DIGITS);
  target[start + ROW_DIGITS] = SPACE;
  writeDigits(target, start + ROW_DIGITS + 1, sharedEnd - begin, SHARED_DIGITS);
  target[start + LINE_PREFIX_BYTES - 1] = SPACE;
  let at = start + LINE_PREFIX_BYTES;
  target[at++] = BRACE;
  if (sharedEnd > begin) at += bytes.copy(target, at, begin, sharedEnd);
  for (const piece of [MESSAGE_ID_BYTES, messageId, AFTER_ID]) {
    for (let index = 0; index < piece.length; index += 1) target[at++] = piece[index] ?? 0;
  }
  at += bytes.copy(target, at, sharedEnd, end);
  target[at++] = LINE_FEED;
  return at;
}

const [LINE_FEED, SPACE, ZERO, BRACE] = [0x0a, 0x20, 0x30, 0x7b];
const [MESSAGE_ID_BYTES, AFTER_ID] = [Buffer.from(MESSAGE_ID_KEY), Buffer.from('",')];

function writeDigits(target: Buffer, start: number, value: number, count: number): void {
  for (let at = start + count - 1, rest = value; at >= start; at -= 1) {
    const tens = Math.floor(rest / 10);
    target[at] = ZERO + rest - tens * 10;
    rest = tens;
  }
}

/** Where in a staged line, in bytes, the 26 characters of its messageId stand. */
export function messageIdOffset(sharedBytes: number): number {
  return LINE_PREFIX_BYTES + 1 + sharedBytes + MESSAGE_ID_KEY.length;
}

/**
 * Reads the calls of a chunk, without parsing them.
 *
 * @param chunk its bytes from a line's begin on.
 * @param begin the offset of that line in the whole chunk.
 * @throws RowcastError storage_corrupt where a line is not in the form above.
 */
export function* stagedCalls(chunk: Buffer, begin = 0): Generator<StagedCall> {
  let start = 0;
  while (start < chunk.length) {
    const lineFeed = chunk.indexOf(0x0a, start);
    const row = digits(chunk, start, ROW_DIGITS);
    const sharedBytes = digits(chunk, start + ROW_DIGITS + 1, SHARED_DIGITS);
    const json = start + LINE_PREFIX_BYTES;
    const sharedEnd = json + 1 + sharedBytes;
    // Where there is no line feed, where a number is none, and where the shared part is longer than the line.
    if (Number.isNaN(row) || chunk[json] !== 0x7b || !(sharedEnd <= lineFeed)) {
      throw new RowcastError(
        'storage_corrupt',
        `A staged chunk is damaged at byte ${begin + start}; the run fails, and its window repeats from the source.`,
      );
    }
    const end = lineFeed + 1;
    const place = { begin: json, bytes: lineFeed - json, sharedBytes };
    yield new StagedCall(chunk, place, { row, end: begin + end });
    start = end;
  }
}

function digits(chunk: Buffer, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at += 1) {
    const digit = (chunk[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}
