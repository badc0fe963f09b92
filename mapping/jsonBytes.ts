import { isUtf8 } from 'node:buffer';
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

/** JSON that is written in bytes, out of bytes, one line after another in the same memory. */
export class JsonBytes {
  bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  /** Where the next byte goes. */
  at = 0;
  #hasHigh = false;

  /** Goes back to a place, with room for so many bytes after it. What stands before it stays. */
  begin(at: number, room: number): void {
    this.at = at;
    this.#hasHigh = false;
    if (this.bytes.length - at >= room) return;
    const larger = Buffer.allocUnsafeSlow((at + room) * 2);
    this.bytes.copy(larger, 0, 0, at);
    this.bytes = larger;
  }

  /** Whether what was written since a place is UTF-8, as texts of a database need not be. */
  isUtf8From(at: number): boolean {
    return !this.#hasHigh || isUtf8(this.bytes.subarray(at, this.at));
  }

  /** Bytes as they are, few of them. */
  literal(literal: Uint8Array): void {
    const { bytes } = this;
    let { at } = this;
    for (let index = 0; index < literal.length; index += 1) bytes[at++] = literal[index] ?? 0;
    this.at = at;
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
    for (let index = begin; index < end; index += 1) {
      const byte = from[index] ?? 0;
      if (byte >= HIGH) this.#hasHigh = true;
      const escape = byte < HIGH ? ESCAPES[byte] : undefined;
      if (escape === undefined) bytes[at++] = byte;
      else for (const escaped of escape) bytes[at++] = escaped;
    }
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

function isDigit(byte = 0): boolean {
  return byte >= ZERO && byte <= NINE;
}
