import type { Cell, ColumnKind } from '../connectors/source.ts';
import { datetimeToUtc } from './instant.ts';

/** Characters that JSON escapes, and surrogates, which may stand alone. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const NEEDS_ESCAPE = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** A text as JSON. Most texts need no escape, and a test is much cheaper than `JSON.stringify`. */
export function jsonText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** A double holds every decimal number of so many significant digits. */
const SIGNIFICANT_DIGITS_MAX = 15;

const DECIMAL = /^(-?)0*(\d*)(?:\.(\d*?)0*)?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * A decimal number as JSON: a number where it has at most 15 significant digits, which every reader keeps
 * exact, else text. Zeros at the end of a fraction do not count, and are left out. `NaN` and the like are text.
 */
export function jsonNumber(text: string): string {
  // Short plain integers are most of what comes.
  if (text.length <= SIGNIFICANT_DIGITS_MAX && /^(?:0|-?[1-9]\d*)$/.test(text)) return text;
  const match = DECIMAL.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match ?? [];
  const isNumber = match !== null && /\d/.test(text);
  if (!isNumber || significantDigits(whole, fraction) > SIGNIFICANT_DIGITS_MAX) return jsonText(text);
  const digits = `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
  if (exponent !== '')
    return fitsDouble(`${digits}e${exponent}`) ? `${sign}${digits}e${exponent}` : jsonText(text);
  return digits === '0' ? '0' : sign + digits;
}

function significantDigits(whole: string, fraction: string): number {
  return whole === '' ? fraction.replace(/^0+/, '').length : whole.length + fraction.length;
}

/** Beyond the range of a double a number would become infinite, or zero. */
function fitsDouble(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && (value !== 0 || /^[0.]+e/.test(text));
}

/** Makes the JSON of a column's cells that are not null. */
export function jsonEncoder(kind: ColumnKind, timeZone: string): (cell: Exclude<Cell, null>) => string {
  switch (kind) {
    case 'number':
      return (cell) => jsonNumber(textOf(cell));
    case 'boolean':
      return (cell) => (typeof cell === 'boolean' ? String(cell) : jsonText(textOf(cell)));
    case 'datetime':
      return (cell) => jsonText(datetimeToUtc(textOf(cell), timeZone) ?? textOf(cell));
    case 'json':
      return (cell) => textOf(cell).replaceAll('\n', ' ');
    case 'text_or_json':
      return (cell) => (nests(textOf(cell)) ? textOf(cell).replaceAll('\n', ' ') : jsonText(textOf(cell)));
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

/** A cell as text, whatever it is; bytes in base64. */
export function textOf(cell: Exclude<Cell, null>): string {
  if (typeof cell === 'string') return cell;
  return typeof cell === 'boolean' ? String(cell) : Buffer.from(cell).toString('base64');
}
