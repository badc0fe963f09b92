import { hash } from 'node:crypto';
import { encodeTime } from 'ulid';

/**
 * Part of every digest: raised when the same row would become another call, so that a window that repeats
 * across an upgrade does not send one id with two contents.
 */
export const MAPPING_VERSION = 1;

/** The length of a ULID: 10 characters of time, 16 of the 80 other bits. */
export const ULID_CHARS = 26;
const ULID_TIME_CHARS = 10;

/** The first ten characters of a ULID. @param ms milliseconds since 1970, up to the year 10889. */
export function ulidTime(ms: number): string {
  return encodeTime(ms, ULID_TIME_CHARS);
}

/** The 16 characters for 80 bits of a digest of a text: Crockford's base32, five bits a character. */
export function digest80(text: string): string {
  return crockford80(hash('md5', text, 'hex'));
}

/**
 * The messageId of a repeated row: the same time, and a digest of the first row's id and the repetition.
 *
 * @param repetition 1 for the second of the identical rows, and so on.
 */
export function repeatMessageId(messageId: string, repetition: number): string {
  return messageId.slice(0, ULID_TIME_CHARS) + digest80(`${messageId}#${repetition}`);
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Two characters for every ten bits: a table makes this a quarter of the time. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_none, bits) => ALPHABET.charAt(bits >> 5) + ALPHABET.charAt(bits & 31),
);

/** The first 20 hex digits, which are 80 bits, as 16 characters. */
function crockford80(hex: string): string {
  return forty(hex, 0) + forty(hex, 10);
}

/** Ten hex digits, which are 40 bits, as 8 characters. */
function forty(hex: string, start: number): string {
  const high = parseInt(hex.slice(start, start + 5), 16);
  const low = parseInt(hex.slice(start + 5, start + 10), 16);
  return pair(high >> 10) + pair(high & 1023) + pair(low >> 10) + pair(low & 1023);
}

function pair(bits: number): string {
  return PAIRS[bits] ?? '';
}
