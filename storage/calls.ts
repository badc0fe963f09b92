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

/** Bytes between the messageId of a call and the rest of it. */
export const AFTER_ID_BYTES = '",'.length;

/** Where in a call, in bytes, the 26 characters of its messageId stand. */
export function messageIdOffset(sharedBytes: number): number {
  return '{'.length + sharedBytes + '"messageId":"'.length;
}
