import Table from 'cli-table3';

/** Prints a line. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a value as JSON. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** Prints rows below headings; an empty list says so. */
export function sayTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): void {
  if (rows.length === 0) return say(empty);
  const table = new Table({
    head: [...headings],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      ...{
        top: '',
        'top-mid': '',
        'top-left': '',
        'top-right': '',
        bottom: '',
        'bottom-mid': '',
        'bottom-left': '',
      },
      ...{
        'bottom-right': '',
        left: '',
        'left-mid': '',
        mid: '',
        'mid-mid': '',
        right: '',
        'right-mid': '',
        middle: '',
      },
    },
  });
  table.push(...rows.map((row) => [...row]));
  say(table.toString());
}

/** A moment in UTC to the second, for people; a dash where there is none. @param iso ISO 8601 */
export function moment(iso: string | null): string {
  return iso === null ? '-' : iso.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z');
}

/** A number with thousands separated; a dash where there is none. */
export function count(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en-US');
}

/** The time between two moments, such as `1.2 s` or `3 min 5 s`; a dash where one is not known. */
export function span(startIso: string, endIso: string | null): string {
  if (endIso === null) return '-';
  const seconds = (Date.parse(endIso) - Date.parse(startIso)) / 1_000;
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
