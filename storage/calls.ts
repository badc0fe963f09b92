import type { EncodedCall } from '../mapping/encodedMapper.ts';
import type { MappedCall } from '../mapping/mapper.ts';
import { ULID_CHARS } from '../mapping/messageId.ts';

/*
 * The form of a staged line, which delivery cuts into batches without parsing it (see `stagedCalls`):
 *
 *     RRRRRRRRRR SSSSSSSSS {"context":{…},"messageId":"…","type":"identify",…}\n
 *
 * R: the row's number, ten digits. S: bytes of the shared part after the brace, nine digits (see `MappedCall`).
 */
export const ROW_DIGITS = 10;
export const SHARED_DIGITS = 9;
export const LINE_PREFIX_BYTES = ROW_DIGITS + 1 + SHARED_DIGITS + 1;

const MESSAGE_ID_KEY = '"messageId":"';

/** A call as a staged line, with its line feed. */
export function stagedLine(row: number, { json, sharedBytes }: MappedCall): string {
  return `${String(row).padStart(ROW_DIGITS, '0')} ${String(sharedBytes).padStart(SHARED_DIGITS, '0')} ${json}\n`;
}

/** The bytes of an encoded call as a staged line. */
export function stagedBytes({ sharedEnd, end }: EncodedCall): number {
  return messageIdOffset(sharedEnd) + ULID_CHARS + AFTER_ID.length + end - sharedEnd + 1;
}

/** Writes an encoded call as a staged line into memory that has room for it. @returns where it ends. */
export function writeStagedLine(target: Buffer, start: number, row: number, call: EncodedCall): number {
  const { bytes, sharedEnd, end, messageId } = call;
  writeDigits(target, start, row, ROW_DIGITS);
  target[start + ROW_DIGITS] = SPACE;
  writeDigits(target, start + ROW_DIGITS + 1, sharedEnd, SHARED_DIGITS);
  target[start + LINE_PREFIX_BYTES - 1] = SPACE;
  let at = start + LINE_PREFIX_BYTES;
  target[at++] = BRACE;
  if (sharedEnd > 0) at += bytes.copy(target, at, 0, sharedEnd);
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

/** Bytes between the messageId of a staged line and the rest of its call. */
export const AFTER_ID_BYTES = AFTER_ID.length;

/** Where in a staged line, in bytes, the 26 characters of its messageId stand. */
export function messageIdOffset(sharedBytes: number): number {
  return LINE_PREFIX_BYTES + 1 + sharedBytes + MESSAGE_ID_KEY.length;
}
