import type { Cell, Column, ColumnKind, Row } from '../connectors/source.ts';
import { utcToDatetime } from './instant.ts';

/**
 * A row out of its data, as `rowJson` wrote it: the same cells, but for the spelling of JSON.
 *
 * @param data parsed exactly.
 * @param timeZone IANA name of the zone of date-times without one.
 */
export function rowFromData(
  columns: readonly Column[],
  data: Readonly<Record<string, unknown>>,
  timeZone: string,
): Row {
  return columns.map(({ name, kind }) => cellOf(kind, data[name] ?? null, timeZone));
}

function cellOf(kind: ColumnKind, value: unknown, timeZone: string): Cell {
  if (value === null) return null;
  if (kind === 'json') return JSON.stringify(value);
  if (kind === 'boolean' && typeof value === 'boolean') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (kind === 'datetime') return utcToDatetime(value, timeZone) ?? value;
  return kind === 'binary' ? Buffer.from(value, 'base64') : value;
}
