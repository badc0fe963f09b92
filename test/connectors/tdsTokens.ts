/* What a server of SQL Server's protocol says, as bytes. Source: MS-TDS, 2.2 Message Syntax. */

export const u8 = (...values: readonly number[]): Buffer => Buffer.from(values);

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');
export const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const shortText = (text: string) => Buffer.concat([u8(text.length), utf16(text)]);
const longText = (text: string) => Buffer.concat([u16(text.length), utf16(text)]);

/** A value with its length in front, in one byte or in two. */
export const inByte = (bytes: Buffer): Buffer => Buffer.concat([u8(bytes.length), bytes]);
export const inShort = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);

/** A value of any length, in parts of so many bytes. */
export function inParts(bytes: Buffer, partBytes = 7): Buffer {
  const parts: Buffer[] = [u64(BigInt(bytes.length))];
  for (let at = 0; at < bytes.length; at += partBytes) {
    const part = bytes.subarray(at, at + partBytes);
    parts.push(u32(part.length), part);
  }
  return Buffer.concat([...parts, u32(0)]);
}

/** Latin1_General_CI_AS, whose code page is 1252. */
export const COLLATION = hex('09 04 d0 00 34');

/** @param type the bytes that describe a column's type. */
export type ColumnBytes = readonly [name: string, type: Buffer];

export function columns(list: readonly ColumnBytes[]): Buffer {
  const described = list.flatMap(([name, type]) => [u32(0), u16(1), type, shortText(name)]);
  return Buffer.concat([u8(0x81), u16(list.length), ...described]);
}

export const row = (...values: readonly Buffer[]): Buffer => Buffer.concat([u8(0xd1), ...values]);

/** A row whose NULLs are bits. */
export function compressedRow(...values: readonly (Buffer | null)[]): Buffer {
  const nulls = Buffer.alloc(Math.ceil(values.length / 8));
  values.forEach((value, at) => {
    if (value === null) nulls[at >> 3]! |= 1 << (at & 7);
  });
  return Buffer.concat([u8(0xd2), nulls, ...values.filter((value) => value !== null)]);
}

const DONE_MORE = 0x1;
const DONE_ERROR = 0x2;
const DONE_COUNT = 0x10;
const DONE_ATTENTION = 0x20;

const doneToken = (status: number, rows = 0) =>
  Buffer.concat([u8(0xfd), u16(status), u16(0xc1), u64(BigInt(rows))]);

/** The end of a statement. @param rows how many it returned, where the server counts. */
export const done = (rows?: number): Buffer =>
  rows === undefined ? doneToken(0) : doneToken(DONE_COUNT, rows);
export const doneAndMore = (rows: number): Buffer => doneToken(DONE_COUNT | DONE_MORE, rows);
export const doneWithError = (): Buffer => doneToken(DONE_ERROR);
export const attentionTaken = (): Buffer => doneToken(DONE_ATTENTION);

export function errorToken(number: number, message: string, severity = 16, line = 1): Buffer {
  const content = Buffer.concat([
    ...[u32(number), u8(1, severity), longText(message), shortText('peer'), shortText(''), u32(line)],
  ]);
  return Buffer.concat([u8(0xaa), u16(content.length), content]);
}

export function loginTaken(): Buffer {
  const content = Buffer.concat([u8(1), hex('74000004'), shortText('Peer'), hex('10000000')]);
  return Buffer.concat([u8(0xad), u16(content.length), content, done()]);
}

/** A version, and whether the server encrypts: 0 where it can, 2 where it cannot, 3 where it must. */
export function prelogin(encryption: number): Buffer {
  return Buffer.concat([hex('00 000b 0006  01 0011 0001  ff  100000000000'), u8(encryption)]);
}
