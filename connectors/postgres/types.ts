import pg from 'pg';
import type { Cell, ColumnKind } from '../source.ts';

/** How the values of one PostgreSQL type become cells. */
interface ColumnType {
  readonly kind: ColumnKind;
  /** Reads PostgreSQL's text form, in a session as `source.ts` sets it up. */
  readonly read: (text: string) => Cell;
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
  [builtins.TIMESTAMP, { kind: 'datetime', read: (text) => text.replace(' ', 'T') }],
  [builtins.TIMESTAMPTZ, { kind: 'instant', read: readInstant }],
  [builtins.JSON, { kind: 'json', read: asText }],
  [builtins.JSONB, { kind: 'json', read: asText }],
  [builtins.BYTEA, { kind: 'binary', read: (text) => Buffer.from(text.slice(2), 'hex') }],
]);

/** `2026-01-31 08:15:00.123456+00` in ISO 8601; what has another form (`infinity`, BC) stays as it is. */
function readInstant(text: string): string {
  return text.endsWith('+00') ? `${text.slice(0, -3).replace(' ', 'T')}Z` : text;
}

/** Array types and the types of their elements. */
const ELEMENTS = new Map<number, number>([
  [1000, builtins.BOOL],
  [1001, builtins.BYTEA],
  [1005, builtins.INT2],
  [1007, builtins.INT4],
  [1016, builtins.INT8],
  [1028, builtins.OID],
  [1231, builtins.NUMERIC],
  [1021, builtins.FLOAT4],
  [1022, builtins.FLOAT8],
  [1182, builtins.DATE],
  [1115, builtins.TIMESTAMP],
  [1185, builtins.TIMESTAMPTZ],
  [199, builtins.JSON],
  [3807, builtins.JSONB],
]);

/** Array types whose elements are text to Rowcast: text, varchar, char, name, uuid, inet, interval, time … */
const TEXT_ARRAYS = new Set([1002, 1003, 1009, 1014, 1015, 1041, 1183, 1187, 1270, 2951, 791]);

/** Every type that is not listed is text: uuid, enum, interval, time, money, inet, ranges, composites. */
const TEXT: ColumnType = { kind: 'text', read: asText };

/** How the values of a PostgreSQL type are read. @param oid the type's number, as the server names it. */
export function columnType(oid: number): ColumnType {
  const known = TYPES.get(oid);
  if (known !== undefined) return known;
  const element = TEXT_ARRAYS.has(oid) ? TEXT : elementType(oid);
  return element === null ? TEXT : { kind: 'json', read: (text) => arrayToJson(text, element) };
}

function elementType(oid: number): ColumnType | null {
  const element = ELEMENTS.get(oid);
  return element === undefined ? null : (TYPES.get(element) ?? TEXT);
}

/** Numbers are exact to every reader with this many digits; a longer one is text, as it is outside of arrays. */
const DIGITS_MAX = 15;

/**
 * PostgreSQL's text form of an array (`{1,NULL,"a,b"}`) as JSON, nested as it is.
 * Source: PostgreSQL documentation, 8.15.6, Array Input and Output Syntax.
 */
export function arrayToJson(text: string, element: ColumnType): string {
  // Bounds other than 1 stand in front: [0:2]={1,2,3}.
  const body = text.startsWith('[') ? text.slice(text.indexOf('=') + 1) : text;
  let at = 0;
  const readArray = (): string => {
    const items: string[] = [];
    at += 1;
    while (body[at] !== '}') {
      if (body[at] === '{') items.push(readArray());
      else items.push(body[at] === '"' ? elementJson(readQuoted(), element) : readBare());
      if (body[at] === ',') at += 1;
    }
    at += 1;
    return `[${items.join(',')}]`;
  };
  const readQuoted = (): string => {
    let value = '';
    for (at += 1; body[at] !== '"'; at += 1) {
      if (body[at] === '\\') at += 1;
      value += body[at] ?? '';
    }
    at += 1;
    return value;
  };
  const readBare = (): string => {
    const start = at;
    while (body[at] !== ',' && body[at] !== '}') at += 1;
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
  const isShort = text.replace(/^-/, '').length <= DIGITS_MAX;
  if (kind === 'number' && isShort && /^-?\d+(?:\.\d+)?$/.test(text)) return text;
  if (kind === 'datetime') return JSON.stringify(`${String(cell)}Z`);
  return JSON.stringify(cell);
}
