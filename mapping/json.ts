import type { Cell, ColumnKind } from '../connectors/source.ts';
import { datetimeToUtc } from './instant.ts';
import { jsonText } from './jsonText.ts';
import { jsonNumber } from './number.ts';

/**
 * Makes the JSON of a column's cells that are not null.
 *
 * @param timeZone IANA name of the zone of date-times without one.
 */
export function jsonEncoder(kind: ColumnKind, timeZone: string): (cell: Exclude<Cell, null>) => string {
  switch (kind) {
    case 'number':
      return (cell) => jsonNumber(textOf(cell));
    case 'boolean':
      return (cell) => (typeof cell === 'boolean' ? String(cell) : jsonText(textOf(cell)));
    case 'datetime':
      return (cell) => jsonText(datetimeToUtc(textOf(cell), timeZone) ?? textOf(cell));
    case 'json':
      return (cell) => onOneLine(textOf(cell));
    case 'text_or_json':
      return (cell) => (nests(textOf(cell)) ? onOneLine(textOf(cell)) : jsonText(textOf(cell)));
    case 'binary':
      return (cell) =>
        cell instanceof Uint8Array ? `"${Buffer.from(cell).toString('base64')}"` : jsonText(textOf(cell));
    case 'text':
    case 'instant':
    case 'date':
      return (cell) => jsonText(textOf(cell));
  }
}

/** Whether a text is a JSON object or array. */
export function nests(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A JSON text on one line: a line break in valid JSON stands between its values. Until 0.5.0 staged calls were lines, and
 * ids depend on every byte.
 */
export function onOneLine(json: string): string {
  return json.replaceAll('\n', ' ');
}

/** A cell as text, whatever it is; bytes in base64. */
export function textOf(cell: Exclude<Cell, null>): string {
  if (typeof cell === 'string') return cell;
  return typeof cell === 'boolean' ? String(cell) : Buffer.from(cell).toString('base64');
}
