import { clockText, dayText, momentText } from '../moments.ts';
import type { Moment } from '../moments.ts';
import type { Cell, ColumnKind } from '../source.ts';
import type { DriverColumn } from './driver.ts';

/** How the values of a column become cells. Source: snowflake-sdk, connection/result/column.js, and the drivers of other languages. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly read: (raw: string) => Cell;
}

const asItIs = (raw: string) => raw;

/** How the values of a column are read. What is new to Rowcast stays the text that the server writes. */
export function columnType(column: DriverColumn): ColumnType {
  const digits = column.getScale() ?? 9;
  switch (column.getType()) {
    case 'fixed':
      return { kind: 'number', read: asItIs };
    case 'real':
    case 'decfloat':
      return { kind: 'number', read: readReal };
    case 'boolean':
      return { kind: 'boolean', read: (raw) => raw === '1' || raw.toLowerCase() === 'true' };
    case 'date':
      return { kind: 'date', read: (raw) => dayText(Number(raw)) };
    case 'time':
      return { kind: 'text', read: (raw) => clockText(momentOf(raw), digits) };
    case 'timestamp_ntz':
      return { kind: 'datetime', read: (raw) => momentText(momentOf(raw), digits) };
    case 'timestamp_ltz':
      return { kind: 'instant', read: (raw) => `${momentText(momentOf(raw), digits)}Z` };
    case 'timestamp_tz':
      return { kind: 'instant', read: (raw) => readZoned(raw, digits) };
    case 'binary':
      return { kind: 'binary', read: (raw) => Buffer.from(raw, 'hex') };
    case 'variant':
    case 'object':
    case 'array':
    case 'map':
    case 'vector':
    case 'geography':
    case 'geometry':
      return { kind: 'json', read: readJson };
    default:
      return { kind: 'text', read: asItIs };
  }
}

/** Unquoted names come in capitals; those that are all capitals are taken for such. */
export function columnName(name: string): string {
  return name === name.toUpperCase() ? name.toLowerCase() : name;
}

function readReal(raw: string): string {
  const text = raw.toLowerCase();
  switch (text) {
    case 'inf':
    case 'infinity':
      return 'Infinity';
    case '-inf':
    case '-infinity':
      return '-Infinity';
    case 'nan':
      return 'NaN';
    default:
      return text;
  }
}

/** A VARIANT may hold what is no JSON, such as XML: this becomes a text of JSON's. */
function readJson(raw: string): string {
  try {
    JSON.parse(raw);
    return raw;
  } catch {
    return JSON.stringify(raw);
  }
}

const BILLION = 1_000_000_000;

/** `-1.5` is a second and a half before 1970. */
function momentOf(raw: string): Moment {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(raw) ?? [];
  if (whole === '') throw new Error(`a moment as Snowflake never sent one: ${raw}`);
  const seconds = Number(whole);
  const nanos = Number(fraction.padEnd(9, '0'));
  if (sign === '') return { seconds, nanos };
  return nanos === 0 ? { seconds: -seconds, nanos } : { seconds: -seconds - 1, nanos: BILLION - nanos };
}

/** The moment, and after a blank its zone, which UTC needs no more. */
function readZoned(raw: string, digits: number): string {
  const [moment = '', zone] = raw.split(' ');
  if (zone === undefined) throw new Error(`a moment without a zone: ${raw}`);
  return `${momentText(momentOf(moment), digits)}Z`;
}
