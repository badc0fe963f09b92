import pg from 'pg';
import type { Cell, ColumnKind } from '../source.ts';

/** Reads PostgreSQL's text form of a value, in a session as `source.ts` sets it up. */
export type ReadCell = (text: string) => Cell;

/** How the values of one PostgreSQL type become cells. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly read: ReadCell;
  /** Whether its values are arrays, which become JSON. */
  readonly isArray?: boolean;
}

const { builtins } = pg.types;
const asText = (text: string) => text;

const TYPES = new Map<number, ColumnType>([
  [builtins.INT2, { kind: 'number', read: asText }],
  [builtins.INT4, { kind: 'number', read: asText }],
  [builtins.INT8, { kind: 'number', read: asText }],
  [builtins.OID, { kind: 'number', read: asText }],
  [builtins.NUMERIC, { kind: 'number', read: asText }],
  [builtins.FLOAT4, { kind: 'number', read: asText }],
  [builtins.FLOAT8, { kind: 'number', read: asText }],
  [builtins.BOOL, { kind: 'boolean', read: (text) => text === 't' }],
  [builtins.DATE, { kind: 'date', read: asText }],
  [builtins.TIMESTAMP, { kind: 'datetime', read: readDatetime }],
  [builtins.TIMESTAMPTZ, { kind: 'instant', read: readInstant }],
  [builtins.JSON, { kind: 'json', read: asText }],
  [builtins.JSONB, { kind: 'json', read: asText }],
  [builtins.BYTEA, { kind: 'binary', read: (text) => Buffer.from(text.slice(2), 'hex') }],
]);

/** `2026-01-31 08:15:00.123456` in ISO 8601; what has another form (`infinity`, BC, the year 10000) stays as it is. */
function readDatetime(text: string): string {
  return text[10] === ' ' && !text.endsWith('BC') ? text.replace(' ', 'T') : text;
}

/** The same for `2026-01-31 08:15:00.123456+00`. */
function readInstant(text: string): string {
  return text[10] === ' ' && text.endsWith('+00') ? `${text.slice(0, -3).replace(' ', 'T')}Z` : text;
}

/** Every type that is not listed is text: uuid, enum, interval, time, money, inet, ranges, composites. */
const TEXT: ColumnType = { kind: 'text', read: asText };

/** How an array's elements are to be read. */
interface ArrayType {
  readonly element: number;
  readonly delimiter: string;
}

/** A database's array types by their numbers; those of its own enums, domains and extensions among them. */
export type ArrayTypes = ReadonlyMap<number, ArrayType>;

/**
 * Asks for every array type and the type of its elements, a domain's being what it is based on. Arrays of
 * whole table rows are left out: every table has such a type.
 */
export const ARRAY_TYPES = `
  WITH RECURSIVE plain(oid, base) AS (
    SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT d.oid, plain.base FROM pg_catalog.pg_type d JOIN plain ON plain.oid = d.typbasetype
  )
  SELECT e.typarray AS oid, plain.base AS element, e.typdelim AS delimiter
  FROM pg_catalog.pg_type e JOIN plain ON plain.oid = e.oid
  LEFT JOIN pg_catalog.pg_class c ON c.oid = e.typrelid
  WHERE e.typarray <> 0 AND (c.oid IS NULL OR c.relkind = 'c')`;

/** What the query above answers, one row of texts for each array type. */
export function readArrayTypes(
  rows: readonly { oid: string; element: string; delimiter: string }[],
): ArrayTypes {
  return new Map(
    rows.map(({ oid, element, delimiter }) => [Number(oid), { element: Number(element), delimiter }]),
  );
}

/** How the values of a PostgreSQL type are read. @param oid the type's number, as the server names it. */
export function columnType(oid: number, arrays: ArrayTypes): ColumnType {
  const array = arrays.get(oid);
  if (array === undefined) return TYPES.get(oid) ?? TEXT;
  const element = columnType(array.element, arrays);
  return { kind: 'json', read: (text) => arrayToJson(text, element, array.delimiter), isArray: true };
}

/** Numbers are exact to every reader with this many digits; a longer one is text, as it is outside of arrays. */
const DIGITS_MAX = 15;

/**
 * PostgreSQL's text form of an array (`{1,NULL,"a,b"}`) as JSON, nested as it is.
 * Source: PostgreSQL documentation, 8.15.6, Array Input and Output Syntax.
 */
function arrayToJson(text: string, element: ColumnType, delimiter: string): string {
  // Bounds other than 1 stand in front: [0:2]={1,2,3}.
  const body = text.startsWith('[') ? text.slice(text.indexOf('=') + 1) : text;
  let at = 0;
  const readArray = (): string => {
    const items: string[] = [];
    at += 1;
    while (at < body.length && body[at] !== '}') {
      if (body[at] === '{') items.push(readArray());
      else items.push(body[at] === '"' ? elementJson(readQuoted(), element) : readBare());
      if (body[at] === delimiter) at += 1;
    }
    at += 1;
    return `[${items.join(',')}]`;
  };
  const readQuoted = (): string => {
    let value = '';
    for (at += 1; at < body.length && body[at] !== '"'; at += 1) {
      if (body[at] === '\\') at += 1;
      value += body[at] ?? '';
    }
    at += 1;
    return value;
  };
  const readBare = (): string => {
    const start = at;
    while (at < body.length && body[at] !== delimiter && body[at] !== '}') at += 1;
    const bare = body.slice(start, at);
    return bare === 'NULL' ? 'null' : elementJson(bare, element);
  };
  return readArray();
}

function elementJson(text: string, { kind, read }: ColumnType): string {
  const cell = read(text);
  if (kind === 'json') return String(cell);
  if (typeof cell === 'boolean') return String(cell);
  if (cell instanceof Uint8Array) return JSON.stringify(Buffer.from(cell).toString('base64'));
  if (kind === 'number' && isShortNumber(text)) return text;
  // A date-time without a zone is UTC inside of an array.
  if (kind === 'datetime' && cell !== text) return JSON.stringify(`${String(cell)}Z`);
  return JSON.stringify(cell);
}

/** Whether a text is a decimal number with few enough significant digits; zeros that end a fraction do not count. */
function isShortNumber(text: string): boolean {
  const match = /^-?(\d+)(?:\.(\d*?)0*)?(?:e[+-]?\d+)?$/.exec(text);
  if (match === null) return false;
  const [, whole = '', fraction = ''] = match;
  return (whole + fraction).replace(/^0+/, '').length <= DIGITS_MAX;
}
