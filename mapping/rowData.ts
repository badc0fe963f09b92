import type { Cell, Column, ColumnKind, Row } from '../connectors/source.ts';
import { jsonEncoder } from './json.ts';
import { jsonText } from './jsonText.ts';
import type { Placement } from './mapper.ts';

/**
 * A row as JSON for people: every column under its own name, values as they would be sent, NULL as null.
 *
 * @param timeZone IANA name of the zone of date-times without one.
 */
export function rowJson(columns: readonly Column[], row: Row, timeZone = 'UTC'): string {
  const fields = columns.map(({ name, kind }, index) => {
    const cell = row[index] ?? null;
    return `${jsonText(name)}:${cell === null ? 'null' : valueJson(kind, cell, timeZone)}`;
  });
  return `{${fields.join(',')}}`;
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number keeps its spelling where JSON has it: as a userId `1.50` is another one than `1.5`. */
function valueJson(kind: ColumnKind, cell: Exclude<Cell, null>, timeZone: string): string {
  const json = jsonEncoder(kind, timeZone)(cell);
  const isNumber = kind === 'number' && typeof cell === 'string' && !json.startsWith('"');
  return isNumber && JSON_NUMBER.test(cell) ? cell : json;
}

type Places = readonly Pick<Placement, 'column' | 'path'>[];

/**
 * Reads a row back out of its call: column to value; what was left out of the call is null.
 *
 * @param placements where each column went; one that has several is at the last of them that the call has.
 */
export function rowFromCall(placements: Places, call: Record<string, unknown>): Record<string, unknown> {
  const row = new Map<string, unknown>();
  for (const { column, path } of placements) row.set(column, valueAt(call, path) ?? row.get(column) ?? null);
  return Object.fromEntries(row);
}

/** The columns of which nothing is in the call, since their value was NULL. */
export function leftOut(placements: Places, call: Record<string, unknown>): string[] {
  const sent = new Set(
    placements.filter(({ path }) => valueAt(call, path) !== undefined).map(({ column }) => column),
  );
  return [...new Set(placements.map(({ column }) => column))].filter((column) => !sent.has(column));
}

/** Undefined where the call has nothing at the path. */
function valueAt(call: Record<string, unknown>, path: readonly string[]): unknown {
  let value: unknown = call;
  for (const segment of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}
