import { hash } from 'node:crypto';
import { encodeTime } from 'ulid';
import type { MappingOptions } from './mapper.ts';

/**
 * Part of every digest: raised when the same row would become another call, so that a window that repeats
 * across an upgrade does not send one id with two contents.
 */
export const MAPPING_VERSION = 1;

/** What stands for each character of a digest in a call that is otherwise finished, until it is made (see `digestCalls`). */
export const BLANK = ' ';

/** The length of a ULID: 10 characters of time, 16 of the 80 other bits. */
export const ULID_CHARS = 26;
export const ULID_TIME_CHARS = 10;

/** The first ten characters of a ULID. @param ms milliseconds since 1970, up to the year 10889. */
export function ulidTime(ms: number): string {
  return encodeTime(ms, ULID_TIME_CHARS);
}

/** What a digest of row and window begins with, before the call. */
export function digestPrefix({
  sync,
  window,
  type,
}: Pick<MappingOptions, 'sync' | 'window' | 'type'>): string {
  return JSON.stringify([MAPPING_VERSION, sync, window.id, type]);
}

/** The 16 characters for 80 bits of a digest of a text: Crockford's base32, five bits a character. */
export function digest80(text: string): string {
  const digest = Buffer.allocUnsafe(ULID_CHARS - ULID_TIME_CHARS);
  writeDigest80(digest, 0, text);
  return digest.toString('latin1');
}

/** Writes them to a place. */
export function writeDigest80(target: Buffer, at: number, content: string | Buffer): void {
  const digest = hash('md5', content, 'binary');
  writeForty(target, at, digest, 0);
  writeForty(target, at + 8, digest, 5);
}

/**
 * The messageId of a repeated row: the same time, and a digest of the first row's id and the repetition.
 *
 * @param repetition 1 for the second of the identical rows, and so on.
 */
export function repeatMessageId(messageId: string, repetition: number): string {
  return messageId.slice(0, ULID_TIME_CHARS) + digest80(`${messageId}#${repetition}`);
}

const ALPHABET = Buffer.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ');

/** Five bytes of a digest, which are 40 bits, as 8 characters. */
function writeForty(target: Buffer, at: number, digest: string, from: number): void {
  const high = (digest.charCodeAt(from) << 12) | (digest.charCodeAt(from + 1) << 4);
  const middle = digest.charCodeAt(from + 2);
  const low = ((middle & 15) << 16) | (digest.charCodeAt(from + 3) << 8) | digest.charCodeAt(from + 4);
  writeTwenty(target, at, high | (middle >> 4));
  writeTwenty(target, at + 4, low);
}

function writeTwenty(target: Buffer, at: number, bits: number): void {
  for (let index = 3, rest = bits; index >= 0; index -= 1, rest >>= 5) {
    target[at + index] = ALPHABET[rest & 31] ?? 0;
  }
}
