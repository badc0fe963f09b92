import type { EncodedCall } from '../mapping/encodedMapper.ts';
import { ULID_CHARS } from '../mapping/messageId.ts';

/*
 * The form of a chunk, of which delivery sends whole stretches as they lie there (see `stagedCalls`): the calls as JSON,
 * with a comma after each, then an entry of three numbers for each.
 *
 *     {"context":{…},"messageId":"…","type":"identify",…},{…},{…},EEEEEEEE…
 *
 * A number of an entry is a float64 in the byte order of the machine, as in all typed arrays.
 */

/**
 * Numbers of an entry: the row's number in the result; where the call ends in the chunk, before its comma; bytes of its
 * shared part (see `MappedCall`).
 */
export const ENTRY = 3;
export const [ROW, END, SHARED_BYTES] = [0, 1, 2] as const;
export const ENTRY_BYTES = ENTRY * Float64Array.BYTES_PER_ELEMENT;

/** Characters of the form. */
export const [OPENING, CLOSING, COMMA] = [0x7b, 0x7d, 0x2c] as const;

const MESSAGE_ID_KEY = '"messageId":"';
const [MESSAGE_ID_BYTES, AFTER_ID] = [Buffer.from(MESSAGE_ID_KEY), Buffer.from('",')];

/** Bytes between the messageId of a call and the rest of it. */
export const AFTER_ID_BYTES = AFTER_ID.length;

/** Where in a call, in bytes, the 26 characters of its messageId stand. */
export function messageIdOffset(sharedBytes: number): number {
  return 1 + sharedBytes + MESSAGE_ID_KEY.length;
}

/** The bytes of an encoded call as JSON. */
export function jsonBytesOf({ sharedEnd, end }: EncodedCall): number {
  return messageIdOffset(sharedEnd) + ULID_CHARS + AFTER_ID.length + end - sharedEnd;
}

/** Writes an encoded call as JSON into memory that has room for it. @returns where it ends. */
export function writeJson(target: Buffer, start: number, call: EncodedCall): number {
  const { bytes, sharedEnd, end, messageId } = call;
  let at = start;
  target[at++] = OPENING;
  if (sharedEnd > 0) at += bytes.copy(target, at, 0, sharedEnd);
  for (const piece of [MESSAGE_ID_BYTES, messageId, AFTER_ID]) {
    for (let index = 0; index < piece.length; index += 1) target[at++] = piece[index] ?? 0;
  }
  return at + bytes.copy(target, at, sharedEnd, end);
}
