import iconv from 'iconv-lite';
import { doubleText, floatText } from '../floats.ts';
import { clockText, DAY_SECONDS, dayText, momentText } from '../moments.ts';
import type { Moment } from '../moments.ts';
import type { Cell, ColumnKind } from '../source.ts';
import { codepageOf } from './driver.ts';
import type { Field } from './driver.ts';

/**
 * Where the length of a value stands, in front of it: in one, two or four bytes, in eight after a pointer into the
 * table, or in front of each of its parts; a number is the length itself.
 */
export type Frame = number | 'byte' | 'short' | 'long' | 'pointer' | 'parts';

/** How the values of a column become cells. Source: MS-TDS, 2.2.5.4 Data Type Definitions and 2.2.5.5. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly frame: Frame;
  /** The cell of a value that is not NULL and has so many bytes from `at` on. */
  readonly read: (bytes: Buffer, at: number, length: number) => Cell;
}

/** What of a field decides about its values. */
type Described = Pick<Field, 'type' | 'scale' | 'dataLength' | 'collation'>;

/** Numbers of types. Source: MS-TDS, 2.2.5.4. */
export const TYPES = {
  ...{ NULL: 0x1f, IMAGE: 0x22, TEXT: 0x23, GUID: 0x24, INTN: 0x26, DATE: 0x28, TIME: 0x29, DATETIME2: 0x2a },
  ...{ DATETIMEOFFSET: 0x2b, INT1: 0x30, BIT: 0x32, INT2: 0x34, INT4: 0x38, DATETIM4: 0x3a, FLT4: 0x3b },
  ...{ MONEY: 0x3c, DATETIME: 0x3d, FLT8: 0x3e, VARIANT: 0x62, NTEXT: 0x63, BITN: 0x68, DECIMALN: 0x6a },
  ...{
    NUMERICN: 0x6c,
    FLTN: 0x6d,
    MONEYN: 0x6e,
    DATETIMN: 0x6f,
    MONEY4: 0x7a,
    INT8: 0x7f,
    BIGVARBINARY: 0xa5,
  },
  ...{ BIGVARCHAR: 0xa7, BIGBINARY: 0xad, BIGCHAR: 0xaf, NVARCHAR: 0xe7, NCHAR: 0xef, UDT: 0xf0, XML: 0xf1 },
} as const;

/** The length of a type whose values may have any. */
const MAX = 0xffff;

/** How the values of a column are read. */
export function columnType(field: Described): ColumnType {
  const { id } = field.type;
  const scale = field.scale ?? 0;
  switch (id) {
    case TYPES.NULL:
      return { kind: 'text', frame: 0, read: () => null };
    case TYPES.INT1:
    case TYPES.INT2:
    case TYPES.INT4:
    case TYPES.INT8:
    case TYPES.INTN:
      return { kind: 'number', frame: FIXED.get(id) ?? 'byte', read: readInteger };
    case TYPES.BIT:
    case TYPES.BITN:
      return { kind: 'boolean', frame: FIXED.get(id) ?? 'byte', read: (bytes, at) => bytes[at] !== 0 };
    case TYPES.FLT4:
    case TYPES.FLT8:
    case TYPES.FLTN:
      return { kind: 'number', frame: FIXED.get(id) ?? 'byte', read: readFloat };
    case TYPES.MONEY4:
    case TYPES.MONEY:
    case TYPES.MONEYN:
      return { kind: 'number', frame: FIXED.get(id) ?? 'byte', read: readMoney };
    case TYPES.DECIMALN:
    case TYPES.NUMERICN:
      return { kind: 'number', frame: 'byte', read: (...value) => readDecimal(...value, scale) };
    case TYPES.GUID:
      return { kind: 'text', frame: 'byte', read: readGuid };
    case TYPES.VARIANT:
      return { kind: 'text', frame: 'long', read: readVariant };
    case TYPES.UDT:
      return { kind: 'binary', frame: 'parts', read: readBinary };
    default:
      return momentType(id, scale) ?? textOrBinary(field);
  }
}

/** Types whose values all have one length. */
const FIXED = new Map<number, number>([
  ...([
    [TYPES.INT1, 1],
    [TYPES.INT2, 2],
    [TYPES.INT4, 4],
    [TYPES.INT8, 8],
    [TYPES.BIT, 1],
    [TYPES.FLT4, 4],
    [TYPES.FLT8, 8],
    [TYPES.MONEY4, 4],
    [TYPES.MONEY, 8],
    [TYPES.DATETIM4, 4],
    [TYPES.DATETIME, 8],
  ] as const),
]);

function momentType(id: number, scale: number): ColumnType | null {
  switch (id) {
    case TYPES.DATE:
      return { kind: 'date', frame: 'byte', read: (bytes, at) => dayText(readDay(bytes, at)) };
    case TYPES.TIME:
      return {
        kind: 'text',
        frame: 'byte',
        read: (...value) => clockText(readClock(...value, scale), scale),
      };
    case TYPES.DATETIME2:
      return {
        kind: 'datetime',
        frame: 'byte',
        read: (...value) => momentText(readMoment(...value, scale), scale),
      };
    case TYPES.DATETIMEOFFSET:
      // The moment is in UTC; the minutes of its zone, in two bytes behind it, say where it was written.
      return {
        kind: 'instant',
        frame: 'byte',
        read: (bytes, at, length) => `${momentText(readMoment(bytes, at, length - 2, scale), scale)}Z`,
      };
    case TYPES.DATETIM4:
    case TYPES.DATETIME:
    case TYPES.DATETIMN:
      return { kind: 'datetime', frame: FIXED.get(id) ?? 'byte', read: readDatetime };
    default:
      return null;
  }
}

function textOrBinary({ type: { id, name }, dataLength, collation }: Described): ColumnType {
  const frame = dataLength === MAX ? 'parts' : 'short';
  switch (id) {
    case TYPES.BIGCHAR:
    case TYPES.BIGVARCHAR:
      return { kind: 'text_or_json', frame, read: readChars(collation?.codepage) };
    case TYPES.TEXT:
      return { kind: 'text_or_json', frame: 'pointer', read: readChars(collation?.codepage) };
    case TYPES.NCHAR:
    case TYPES.NVARCHAR:
      return { kind: 'text_or_json', frame, read: readUnicode };
    case TYPES.NTEXT:
      return { kind: 'text_or_json', frame: 'pointer', read: readUnicode };
    case TYPES.XML:
      return { kind: 'text', frame: 'parts', read: readXml };
    case TYPES.BIGBINARY:
    case TYPES.BIGVARBINARY:
      return { kind: 'binary', frame, read: readBinary };
    case TYPES.IMAGE:
      return { kind: 'binary', frame: 'pointer', read: readBinary };
    default:
      throw new Error(`the server sends a type that Rowcast does not know: ${name}`);
  }
}

function readInteger(bytes: Buffer, at: number, length: number): string {
  switch (length) {
    case 1:
      return String(bytes.readUInt8(at));
    case 8:
      return String(bytes.readBigInt64LE(at));
    default:
      return String(bytes.readIntLE(at, length));
  }
}

function readFloat(bytes: Buffer, at: number, length: number): string {
  return length === 4 ? floatText(bytes.readFloatLE(at)) : doubleText(bytes.readDoubleLE(at));
}

const MONEY_SCALE = 4;

/** Ten-thousandths in 4 bytes, or in 8 of which the upper half comes first. */
function readMoney(bytes: Buffer, at: number, length: number): string {
  const low = BigInt(length === 4 ? bytes.readInt32LE(at) : bytes.readUInt32LE(at + 4));
  const units = length === 4 ? low : (BigInt(bytes.readInt32LE(at)) << 32n) + low;
  return decimalText(units < 0n ? -units : units, units < 0n, MONEY_SCALE);
}

/** A sign, 1 where it is not negative, and the digits as a whole number of 4, 8, 12 or 16 bytes. */
function readDecimal(bytes: Buffer, at: number, length: number, scale: number): string {
  let units = 0n;
  for (let part = length - 4; part > 0; part -= 4)
    units = (units << 32n) + BigInt(bytes.readUInt32LE(at + part));
  return decimalText(units, bytes[at] === 0, scale);
}

function decimalText(units: bigint, isNegative: boolean, scale: number): string {
  const digits = units.toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  const sign = isNegative ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Three numbers with the lowest byte first, then eight bytes in order; in capitals, as the server writes it. */
function readGuid(bytes: Buffer, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const parts = [
    hex(bytes.readUInt32LE(at), 8),
    hex(bytes.readUInt16LE(at + 4), 4),
    hex(bytes.readUInt16LE(at + 6), 4),
    bytes.toString('hex', at + 8, at + 10),
    bytes.toString('hex', at + 10, at + 16),
  ];
  return parts.join('-').toUpperCase();
}

/** From the first day of the year 1 to that of 1970, and from that of 1900. */
const DAYS_FROM_1 = 719_162;
const DAYS_FROM_1900 = 25_567;

/** @returns days since 1970. */
function readDay(bytes: Buffer, at: number): number {
  return bytes.readUIntLE(at, 3) - DAYS_FROM_1;
}

/** The time of a day, counted in the last digit of its fraction. @param scale how many digits that has, at most 7. */
function readClock(bytes: Buffer, at: number, length: number, scale: number): Moment {
  const units = bytes.readUIntLE(at, length);
  const second = 10 ** scale;
  return { seconds: Math.floor(units / second), nanos: (units % second) * 10 ** (9 - scale) };
}

/** A time and a day. */
function readMoment(bytes: Buffer, at: number, length: number, scale: number): Moment {
  const { seconds, nanos } = readClock(bytes, at, length - 3, scale);
  return { seconds: readDay(bytes, at + length - 3) * DAY_SECONDS + seconds, nanos };
}

/** A day since 1900 and its minutes (SMALLDATETIME), or its three-hundredths of a second, which show as milliseconds. */
function readDatetime(bytes: Buffer, at: number, length: number): string {
  if (length === 4) {
    const days = bytes.readUInt16LE(at) - DAYS_FROM_1900;
    return momentText({ seconds: days * DAY_SECONDS + bytes.readUInt16LE(at + 2) * 60, nanos: 0 }, 0);
  }
  const days = bytes.readInt32LE(at) - DAYS_FROM_1900;
  const ms = Math.round((bytes.readUInt32LE(at + 4) * 10) / 3);
  const seconds = days * DAY_SECONDS + Math.floor(ms / 1_000);
  return momentText({ seconds, nanos: (ms % 1_000) * 1_000_000 }, 3);
}

/** Text in the code page of its column's collation. */
function readChars(codepage = 'utf8'): ColumnType['read'] {
  return (bytes, at, length) => iconv.decode(bytes.subarray(at, at + length), codepage, { stripBOM: false });
}

function readUnicode(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('utf16le', at, at + length);
}

/** The mark of the byte order, which may stand in front, is none of the document. */
function readXml(bytes: Buffer, at: number, length: number): string {
  return readUnicode(bytes, at, length).replace(/^\ufeff/, '');
}

/** A copy: a part of what was received would keep the whole of it. */
function readBinary(bytes: Buffer, at: number, length: number): Buffer {
  return Buffer.from(bytes.subarray(at, at + length));
}

/** A value that brings its type along: the text of it, as that type is written; binary in base64. */
function readVariant(bytes: Buffer, at: number, length: number): Cell {
  const id = bytes.readUInt8(at);
  const properties = at + 2;
  const value = properties + bytes.readUInt8(at + 1);
  const { read } = columnType(variantField(id, bytes, properties));
  const cell = read(bytes, value, at + length - value);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('base64');
  return typeof cell === 'boolean' ? String(cell) : cell;
}

/** Source: MS-TDS, 2.2.5.5.4 sql_variant Values. */
function variantField(id: number, bytes: Buffer, at: number): Described {
  const field = { type: { id, name: `0x${id.toString(16)} in a sql_variant` } };
  switch (id) {
    case TYPES.TIME:
    case TYPES.DATETIME2:
    case TYPES.DATETIMEOFFSET:
      return { ...field, scale: bytes.readUInt8(at) };
    case TYPES.DECIMALN:
    case TYPES.NUMERICN:
      return { ...field, scale: bytes.readUInt8(at + 1) };
    case TYPES.BIGCHAR:
    case TYPES.BIGVARCHAR:
      return { ...field, collation: { codepage: codepageOf(bytes.subarray(at, at + 5)) } };
    default:
      return field;
  }
}
