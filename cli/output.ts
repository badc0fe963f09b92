import Table from 'cli-table3';

/** Prints a line. */
export function say(line = ''): void {
  process.stdout.write(`${printable(line)}\n`);
}

/** Prints a value as JSON. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** Text with its control characters as escapes: what came from a database or a server commands no terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are the characters meant
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, (found) => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** How a column fits: as wide as it is, or into what the others leave, in lines or cut with an ellipsis. */
export type Fit = 'whole' | 'wrap' | 'cut';

export interface TableShape {
  /** Of each column; all whole by default. */
  readonly fit?: readonly Fit[];
}

/** The width where the output is no terminal, in characters. */
const WIDTH = 100;
const GAP = 2;
const FITTED_MIN = 20;

/** No borders: columns stand two spaces apart. */
const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'mid', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('middle')
    .map((name) => [name, '']),
);

/** Prints rows below headings; an empty list says so. */
export function sayTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
  { fit = [] }: TableShape = {},
): void {
  if (rows.length === 0) return say(empty);
  const cells = rows.map((row) => row.map((text) => printable(text.replace(/\s+/g, ' '))));
  const table = new Table({
    head: [...headings],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': GAP },
    chars: NO_LINES,
    colWidths: widthsOf([headings, ...cells], fit),
  });
  table.push(
    ...cells.map((row) => row.map((content, index) => ({ content, wordWrap: fit[index] === 'wrap' }))),
  );
  say(table.toString().replace(/ +$/gm, ''));
}

/** What whole columns leave is shared by the others; null: as wide as what it holds. */
function widthsOf(lines: readonly (readonly string[])[], fit: readonly Fit[]): (number | null)[] {
  const widths = (lines[0] ?? []).map((_heading, index) =>
    Math.max(...lines.map((line) => (line[index] ?? '').length + GAP)),
  );
  const isFitted = (index: number) => (fit[index] ?? 'whole') !== 'whole';
  const taken = widths.reduce((sum, width, index) => sum + (isFitted(index) ? 0 : width), 0);
  const wanted = widths.reduce((sum, width, index) => sum + (isFitted(index) ? width : 0), 0);
  const left = terminalWidth() + GAP - taken;
  return widths.map((width, index) => {
    if (!isFitted(index)) return null;
    if (wanted <= left) return width;
    return Math.max(FITTED_MIN, Math.min(width, Math.floor((left * width) / wanted)));
  });
}

/** How many characters a line may have. */
export function terminalWidth(): number {
  const { isTTY, columns } = process.stdout;
  // A terminal that does not know its width says 0.
  return isTTY && columns > 0 ? columns : WIDTH;
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
  return endIso === null ? '-' : duration(Date.parse(endIso) - Date.parse(startIso));
}

/** A length of time, such as `1.2 s`, `3 min 5 s`, `2 h 4 min` or `3 d 1 h`. @param ms milliseconds */
export function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}
