import { isUtf8 } from 'node:buffer';
import { endianness } from 'node:os';
import { SIGNIFICANT_DIGITS_MAX } from './number.ts';

const [QUOTE, SPACE, LINE_FEED, HIGH] = [0x22, 0x20, 0x0a, 0x80];
const [MINUS, POINT, ZERO, NINE] = [0x2d, 0x2e, 0x30, 0x39];

/** Bytes of JSON for one byte of a text, at most. */
export const ESCAPED_BYTES_MAX = 6;

/** Numbers of more characters are rare; shorter ones lie within the range of a double. */
const NUMBER_CHARS_MAX = 64;

/** What each of the first 128 bytes is in JSON, for those that are not written as they are. */
const ESCAPES: readonly (Buffer | undefined)[] = Array.from({ length: HIGH }, (_none, byte) => {
  const json = JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
  return json.length === 1 ? undefined : Buffer.from(json);
});

const WORD_BYTES = 4;
const IS_LITTLE_ENDIAN = endianness() === 'LE';

/** Marks of a byte: whether it is escaped, and whether it is part of a character of several bytes. */
const [ESCAPED, IN_PART] = [1, 2];
const MARKS = Uint8Array.from({ length: 256 }, (_none, byte) => {
  if (byte >= HIGH) return IN_PART;
  return ESCAPES[byte] === undefined ? 0 : ESCAPED;
});

/** A text that is written often, as it is: its bytes in words of four, the last one filled up. */
export class Literal {
  readonly words: Int32Array;
  /** Of the text, in bytes. */
  readonly length: number;

  constructor(text: string) {
    this.length = Buffer.byteLength(text);
    const bytes = Buffer.alloc(Math.ceil(this.length / WORD_BYTES) * WORD_BYTES);
    bytes.write(text);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / WORD_BYTES);
  }
}

/** JSON that is written in bytes, out of bytes, one text after another in the same memory. */
export class JsonBytes {
  bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  /** Where the next byte goes. */
  at = 0;
  #view = new DataView(this.bytes.buffer);
  #hasHigh = false;

  /** Begins again, with room for so many bytes, a few to spare. */
  begin(room: number): void {
    this.at = 0;
    this.#hasHigh = false;
    if (this.bytes.length >= room) return;
    this.bytes = Buffer.allocUnsafeSlow(room * 2);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Whether what was written is UTF-8, as texts of a database need not be. */
  get isUtf8(): boolean {
    return !this.#hasHigh || isUtf8(this.bytes.subarray(0, this.at));
  }

  /** Four bytes at a time, up to three more than it has, which what comes next is written over. */
  literal({ words, length }: Literal): void {
    const { at } = this;
    const view = this.#view;
    for (let index = 0; index < words.length; index += 1) {
      view.setInt32(at + WORD_BYTES * index, words[index] ?? 0, IS_LITTLE_ENDIAN);
    }
    this.at = at + length;
  }

  /** A JSON text that was made elsewhere. */
  made(json: string): void {
    this.at += this.bytes.write(json, this.at, 'utf8');
  }

  /** A text in its quotes, escaped as `JSON.stringify` does. */
  text(from: Buffer, begin: number, end: number): void {
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = QUOTE;
    let marks = 0;
    for (let index = begin; index < end; index += 1) {
      const byte = from[index] ?? 0;
      marks |= MARKS[byte] ?? 0;
      bytes[at++] = byte;
    }
    if ((marks & IN_PART) !== 0) this.#hasHigh = true;
    // Few texts need an escape; those are written again.
    if ((marks & ESCAPED) !== 0) at = escape(from, begin, end, bytes, this.at + 1);
    bytes[at++] = QUOTE;
    this.at = at;
  }

  /** A JSON text, on one line. */
  json(from: Buffer, begin: number, end: number): void {
    this.#hasHigh = true;
    const copied = this.bytes.subarray(this.at, this.at + end - begin);
    from.copy(copied, 0, begin, end);
    for (let at = copied.indexOf(LINE_FEED); at >= 0; at = copied.indexOf(LINE_FEED, at)) copied[at] = SPACE;
    this.at += copied.length;
  }

  /** A decimal number without an exponent, zeros at its end left out. @returns false where it is none, or a long one. */
  number(from: Buffer, begin: number, end: number): boolean {
    if (end - begin > NUMBER_CHARS_MAX) return false;
    const whole = from[begin] === MINUS ? begin + 1 : begin;
    let point = whole;
    while (point < end && isDigit(from[point])) point += 1;
    const isBelowOne = from[whole] === ZERO;
    if (point === whole || (isBelowOne && point > whole + 1)) return false;
    // Where the fraction begins that counts, and where the last digit does.
    let [first, last] = [end, point];
    if (point < end && from[point] !== POINT) return false;
    for (let at = point + 1; at < end; at += 1) {
      if (!isDigit(from[at])) return false;
      if (from[at] === ZERO) continue;
      first = Math.min(first, at);
      last = at + 1;
    }
    const digits = isBelowOne ? last - first : point - whole + Math.max(0, last - point - 1);
    if (digits > SIGNIFICANT_DIGITS_MAX) return false;
    const isZero = isBelowOne && last === point;
    for (let at = isZero ? whole : begin; at < last; at += 1) this.bytes[this.at++] = from[at] ?? 0;
    return true;
  }
}

/** Writes a text with its escapes. @returns where it ends. */
function escape(from: Buffer, begin: number, end: number, target: Buffer, start: number): number {
  let at = start;
  for (let index = begin; index < end; index += 1) {
    const byte = from[index] ?? 0;
    const escaped = byte < HIGH ? ESCAPES[byte] : undefined;
    if (escaped === undefined) target[at++] = byte;
    else for (const each of escaped) target[at++] = each;
  }
  return at;
}

function isDigit(byte = 0): boolean {
  return byte >= ZERO && byte <= NINE;
}
