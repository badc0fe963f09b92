import type { Cell, ColumnKind } from '../source.ts';

/** A column, or a field of a STRUCT, as the service describes it. */
export interface Field {
  readonly name: string;
  /** The name that legacy SQL has for it (`INTEGER`), or the standard one (`INT64`). */
  readonly type: string;
  readonly mode?: string;
  /** Of a STRUCT. */
  readonly fields?: readonly Field[];
  readonly rangeElementType?: { readonly type: string };
}

/** A value as the service sends it: text, a list of an ARRAY, or the fields of a STRUCT. */
export type Value =
  string | null | readonly { readonly v: Value }[] | { readonly f: readonly { readonly v: Value }[] };

/** How the values of a column become cells. Source: BigQuery's REST reference, jobs.getQueryResults. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly read: (value: Value) => Cell;
}

/** A type of values: what it is as a column, and how it stands within JSON. */
interface Scalar {
  readonly kind: ColumnKind;
  readonly read: (text: string) => Exclude<Cell, null>;
  readonly json: (text: string) => string;
}

const quoted = (kind: ColumnKind, read: (text: string) => string = (text) => text): Scalar => ({
  kind,
  read,
  json: (text) => JSON.stringify(read(text)),
});

const TEXT = quoted('text');
const number = (read: (text: string) => string): Scalar => ({
  kind: 'number',
  read,
  json: (text) => (/[a-z]{2}/i.test(text) ? JSON.stringify(read(text)) : read(text)),
});
const EXACT = number((text) => text);
const FLOAT = number(floatText);
const BOOLEAN: Scalar = {
  kind: 'boolean',
  read: (text) => text === 'true',
  json: (text) => String(text === 'true'),
};
const BYTES: Scalar = {
  kind: 'binary',
  read: (text) => Buffer.from(text, 'base64'),
  json: (text) => JSON.stringify(text),
};
const JSON_TEXT: Scalar = { kind: 'json', read: (text) => text, json: (text) => text };
const TIMESTAMP = quoted('instant', instantText);

/** What is not here (`STRING`, `TIME`, `INTERVAL`, `GEOGRAPHY`, and what is yet to come) is text. */
const SCALARS: Readonly<Record<string, Scalar>> = {
  ...{ INTEGER: EXACT, INT64: EXACT, NUMERIC: EXACT, BIGNUMERIC: EXACT },
  ...{ FLOAT, FLOAT64: FLOAT, BOOLEAN, BOOL: BOOLEAN, BYTES, JSON: JSON_TEXT, TIMESTAMP },
  ...{ DATE: quoted('date'), DATETIME: quoted('datetime') },
};

/** How the values of a column are read. */
export function columnType(field: Field): ColumnType {
  if (isNested(field))
    return { kind: 'json', read: (value) => (value === null ? null : jsonOf(value, field)) };
  const { kind, read } = scalarOf(field);
  return { kind, read: (value) => (typeof value === 'string' ? read(value) : null) };
}

function isNested({ type, mode }: Field): boolean {
  return mode === 'REPEATED' || type === 'RECORD' || type === 'STRUCT';
}

function scalarOf({ type, rangeElementType }: Field): Scalar {
  if (type === 'RANGE' && rangeElementType?.type === 'TIMESTAMP') return RANGE_OF_TIMESTAMPS;
  return SCALARS[type] ?? TEXT;
}

/** A value as JSON, its numbers digit by digit. */
function jsonOf(value: Value, field: Field): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return scalarOf(field).json(value);
  if ('f' in value) {
    const { fields = [] } = field;
    const members = value.f.map(({ v }, index) => {
      const member = fields[index] ?? { name: '', type: 'STRING' };
      return `${JSON.stringify(member.name)}:${jsonOf(v, member)}`;
    });
    return `{${members.join(',')}}`;
  }
  const element = { ...field, mode: 'NULLABLE' };
  return `[${value.map(({ v }) => jsonOf(v, element)).join(',')}]`;
}

/** The shortest number that is this one and no other. */
function floatText(text: string): string {
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? '-Infinity' : 'Infinity';
  const value = Number(text);
  return Object.is(value, -0) ? '-0' : String(value);
}

const SECOND = 1_000_000n;

/** @param text microseconds since 1970. */
function instantText(text: string): string {
  if (!/^-?\d+$/.test(text)) return text;
  const microseconds = BigInt(text);
  const fraction = ((microseconds % SECOND) + SECOND) % SECOND;
  const seconds = Number((microseconds - fraction) / SECOND);
  const second = new Date(seconds * 1_000).toISOString().slice(0, 19);
  return `${second}.${String(fraction).padStart(6, '0')}Z`;
}

const RANGE_OF_TIMESTAMPS = quoted('text', (text) => text.replace(/-?\d{1,20}(?=[,)])/g, instantText));
