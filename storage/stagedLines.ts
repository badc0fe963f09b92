import { END, ENTRY, ROW, SHARED_BYTES } from './calls.ts';
import { damagedChunk } from './damagedChunk.ts';

/*
 * The form of chunks until 0.5.0, whose runs may be in flight still. Each call is a line:
 *
 *     RRRRRRRRRR SSSSSSSSS {"context":{…},"messageId":"…","type":"identify",…}\n
 *
 * R: the row's number, ten digits. S: bytes of the shared part after the brace, nine digits.
 */
const LINE = /^(\d{10}) (\d{9}) \{$/;

/** Bytes of a line before its call. */
export const LEAD_BYTES = 21;

const [LINE_FEED, ZERO, NINE] = [0x0a, 0x30, 0x39];

/** Whether a chunk, of which these bytes begin with a line or a call, is in this form. */
export function isOfLines([first = 0]: Buffer): boolean {
  return first >= ZERO && first <= NINE;
}

/**
 * An entry for each line; its end is a place in these bytes.
 *
 * @param offset of these bytes in the whole chunk.
 * @param room for the entries of the whole chunk.
 * @throws RowcastError storage_corrupt where there is something else than lines.
 */
export function entriesOfLines(chunk: Buffer, offset: number, room: Float64Array): Float64Array {
  let at = 0;
  for (let begin = 0; begin < chunk.length; at += ENTRY) {
    const end = chunk.indexOf(LINE_FEED, begin);
    const call = begin + LEAD_BYTES;
    const [, row, sharedBytes] = LINE.exec(chunk.toString('latin1', begin, call + 1)) ?? [];
    if (row === undefined || call + Number(sharedBytes) >= end || at >= room.length) {
      throw damagedChunk(offset + begin);
    }
    room[at + ROW] = Number(row);
    room[at + END] = end;
    room[at + SHARED_BYTES] = Number(sharedBytes);
    begin = end + 1;
  }
  return room.subarray(0, at);
}
