import mysql from 'mysql2';
import { doubleText, floatText } from '../floats.ts';
import type { Cell, ColumnKind } from '../source.ts';

/** A column as the server describes it. */
export interface Field {
  readonly name: string;
  /** One of mysql2's `Types`. */
  readonly columnType: number;
  readonly characterSet: number;
  readonly flags: number;
  /** Of a TINYINT or a BIT: its width. */
  readonly columnLength: number;
  /** Digits of a fraction; 31 where they are not fixed. */
  readonly decimals: number;
}

/** Bytes that are read from the front. */
interface Bytes {
  readonly buffer: Buffer;
  at: number;
}

/** How the values of a column become cells. Source: MySQL's source documentation, Binary Protocol Value. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly read: (bytes: Bytes) => Cell;
}

const { Types } = mysql;

const UNSIGNED = 0x20;
const ENUM_OR_SET = 0x100 | 0x800;
/** The character set of what is no text. */
const BINARY = 63;

/** How the values of a column are read. @param isMariaDb whose JSON is text, which nests where it can. */
export function columnType(field: Field, isMariaDb: boolean): ColumnType {
  const { columnType: type, columnLength, flags } = field;
  const isUnsigned = (flags & UNSIGNED) !== 0;
  switch (type) {
    case Types.TINY:
      return columnLength === 1 ? FLAG : isUnsigned ? UINT8 : INT8;
    case Types.SHORT:
      return isUnsigned ? UINT16 : INT16;
    case Types.YEAR:
      return UINT16;
    case Types.LONG:
    case Types.INT24:
      return isUnsigned ? UINT32 : INT32;
    case Types.LONGLONG:
      return isUnsigned ? UINT64 : INT64;
    case Types.FLOAT:
      return FLOAT;
    case Types.DOUBLE:
      return DOUBLE;
    case Types.DECIMAL:
    case Types.NEWDECIMAL:
      return { kind: 'number', read: readText };
    case Types.DATE:
    case Types.NEWDATE:
      return { kind: 'date', read: (bytes) => dayText(readDay(bytes)) };
    case Types.DATETIME:
      return { kind: 'datetime', read: (bytes) => readDatetime(bytes, field, '') };
    case Types.TIMESTAMP:
      return { kind: 'instant', read: (bytes) => readDatetime(bytes, field, 'Z') };
    case Types.TIME:
      return { kind: 'text', read: (bytes) => readTime(bytes, field) };
    case Types.BIT:
      return columnLength === 1 ? BIT : BITS;
    case Types.JSON:
      return { kind: 'json', read: readText };
    default:
      return textOrBinary(field, isMariaDb);
  }
}

function textOrBinary({ columnType: type, characterSet, flags }: Field, isMariaDb: boolean): ColumnType {
  if (type === Types.GEOMETRY || characterSet === BINARY) return { kind: 'binary', read: readBinary };
  const mayNest = isMariaDb && (flags & ENUM_OR_SET) === 0;
  return { kind: mayNest ? 'text_or_json' : 'text', read: readText };
}

const number = (bytes: number, read: (buffer: Buffer, at: number) => number | bigint): ColumnType => ({
  kind: 'number',
  read: (from) => String(read(from.buffer, (from.at += bytes) - bytes)),
});

const INT8 = number(1, (buffer, at) => buffer.readInt8(at));
const UINT8 = number(1, (buffer, at) => buffer.readUInt8(at));
const INT16 = number(2, (buffer, at) => buffer.readInt16LE(at));
const UINT16 = number(2, (buffer, at) => buffer.readUInt16LE(at));
const INT32 = number(4, (buffer, at) => buffer.readInt32LE(at));
const UINT32 = number(4, (buffer, at) => buffer.readUInt32LE(at));
const INT64 = number(8, (buffer, at) => buffer.readBigInt64LE(at));
const UINT64 = number(8, (buffer, at) => buffer.readBigUInt64LE(at));

const FLOAT: ColumnType = {
  kind: 'number',
  read: (bytes) => floatText(bytes.buffer.readFloatLE((bytes.at += 4) - 4)),
};

const DOUBLE: ColumnType = {
  kind: 'number',
  read: (bytes) => doubleText(bytes.buffer.readDoubleLE((bytes.at += 8) - 8)),
};

/** TINYINT(1), MySQL's BOOLEAN; a value other than 0 and 1 stays the number that it is. */
const FLAG: ColumnType = {
  kind: 'boolean',
  read: (bytes) => {
    const value = bytes.buffer.readInt8(bytes.at++);
    return value === 0 || value === 1 ? value === 1 : String(value);
  },
};

const BIT: ColumnType = { kind: 'boolean', read: (bytes) => bitsOf(bytes) === 1n };
const BITS: ColumnType = { kind: 'number', read: (bytes) => String(bitsOf(bytes)) };

function bitsOf(bytes: Bytes): bigint {
  let bits = 0n;
  for (const byte of readBinary(bytes)) bits = (bits << 8n) | BigInt(byte);
  return bits;
}

/** A length stands in front: one byte, or a mark and two, three or eight bytes. */
function readLength(bytes: Bytes): number {
  const { buffer } = bytes;
  const first = buffer.readUInt8(bytes.at++);
  const width = { 0xfc: 2, 0xfd: 3, 0xfe: 8 }[first];
  if (width === undefined) return first;
  const length = width === 8 ? Number(buffer.readBigUInt64LE(bytes.at)) : buffer.readUIntLE(bytes.at, width);
  bytes.at += width;
  return length;
}

function readText(bytes: Bytes): string {
  const length = readLength(bytes);
  return bytes.buffer.toString('utf8', bytes.at, (bytes.at += length));
}

/** A copy: a part of what was received would keep the whole of it. */
function readBinary(bytes: Bytes): Buffer {
  const length = readLength(bytes);
  return Buffer.from(bytes.buffer.subarray(bytes.at, (bytes.at += length)));
}

/** A moment as the server sends it; parts that are left out are zero. */
interface Moment {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** `08:15:00`. */
  readonly time: string;
  readonly microseconds: number;
}

const two = (value: number) => String(value).padStart(2, '0');

function timeText(hours: number, minutes: number, seconds: number): string {
  return `${two(hours)}:${two(minutes)}:${two(seconds)}`;
}

function readDay(bytes: Bytes): Moment {
  const { buffer, at } = bytes;
  const length = buffer.readUInt8(at);
  bytes.at += 1 + length;
  return {
    year: length >= 4 ? buffer.readUInt16LE(at + 1) : 0,
    month: length >= 4 ? buffer.readUInt8(at + 3) : 0,
    day: length >= 4 ? buffer.readUInt8(at + 4) : 0,
    time:
      length >= 7
        ? timeText(buffer.readUInt8(at + 5), buffer.readUInt8(at + 6), buffer.readUInt8(at + 7))
        : '00:00:00',
    microseconds: length >= 11 ? buffer.readUInt32LE(at + 8) : 0,
  };
}

function dayText({ year, month, day }: Moment): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

/** What MySQL allows beside dates, `0000-00-00` and `2026-01-00` among it, keeps the form that MySQL writes. */
function readDatetime(bytes: Bytes, { decimals }: Field, zone: string): string {
  const moment = readDay(bytes);
  const clock = `${moment.time}${fractionText(moment.microseconds, decimals)}`;
  const isDay = moment.year > 0 && moment.month > 0 && moment.day > 0;
  return isDay ? `${dayText(moment)}T${clock}${zone}` : `${dayText(moment)} ${clock}`;
}

/** From `-838:59:59` to `838:59:59`. */
function readTime(bytes: Bytes, { decimals }: Field): string {
  const { buffer, at } = bytes;
  const length = buffer.readUInt8(at);
  bytes.at += 1 + length;
  if (length === 0) return `00:00:00${fractionText(0, decimals)}`;
  const sign = buffer.readUInt8(at + 1) === 0 ? '' : '-';
  const hours = buffer.readUInt32LE(at + 2) * 24 + buffer.readUInt8(at + 6);
  const time = timeText(hours, buffer.readUInt8(at + 7), buffer.readUInt8(at + 8));
  return `${sign}${time}${fractionText(length >= 12 ? buffer.readUInt32LE(at + 9) : 0, decimals)}`;
}

function fractionText(microseconds: number, decimals: number): string {
  // Where a column does not say how many digits it has, all are shown if there are any.
  const digits = decimals <= 6 ? decimals : microseconds === 0 ? 0 : 6;
  return digits === 0 ? '' : `.${String(microseconds).padStart(6, '0').slice(0, digits)}`;
}
