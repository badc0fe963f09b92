import type { Column, Row } from '../connectors/source.ts';
import { jsonEncoder } from './json.ts';
import { jsonText } from './jsonText.ts';

/**
 * A row as JSON for people: every column under its own name, values as they would be sent, NULL as null.
 *
 * @param timeZone IANA name of the zone of date-times without one.
 */
export function rowJson(columns: readonly Column[], row: Row, timeZone = 'UTC'): string {
  const fields = columns.map(({ name, kind }, index) => {
    const cell = row[index] ?? null;
    return `${jsonText(name)}:${cell === null ? 'null' : jsonEncoder(kind, timeZone)(cell)}`;
  });
  return `{${fields.join(',')}}`;
}

/** Reads a row back out of its call: column to value; what was left out of the call is null. */
export function rowFromCall(
  placements: readonly { readonly column: string; readonly path: readonly string[] }[],
  call: Record<string, unknown>,
): Record<string, unknown> {
  const entries = placements.map(({ column, path }) => [column, valueAt(call, path)] as const);
  return Object.fromEntries(entries);
}

function valueAt(call: Record<string, unknown>, path: readonly string[]): unknown {
  let value: unknown = call;
  for (const segment of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, segment)) return null;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}
