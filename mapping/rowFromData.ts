import type { Cell, Column, ColumnKind, Row } from '../connectors/source.ts';

/** The columns of rows that are read back out of their data: date-times have a zone there. */
export function columnsOfData(columns: readonly Column[]): Column[] {
  return columns.map(({ name, kind }) => ({ name, kind: kind === 'datetime' ? 'instant' : kind }));
}

/** A row out of its data, as `rowJson` wrote it. @param data parsed exactly. */
export function rowFromData(columns: readonly Column[], data: Readonly<Record<string, unknown>>): Row {
  return columns.map(({ name, kind }) => cellOf(kind, data[name] ?? null));
}

function cellOf(kind: ColumnKind, value: unknown): Cell {
  if (value === null) return null;
  if (kind === 'json') return JSON.stringify(value);
  if (kind === 'boolean' && typeof value === 'boolean') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  return kind === 'binary' ? Buffer.from(value, 'base64') : value;
}
