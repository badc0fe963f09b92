/** Values from `start` to `end`, `step` apart. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** What a field says. */
export interface CronField {
  readonly spans: readonly Span[];
  /** Whether it is `*` or `?`, and so leaves the choice to other fields. */
  readonly isAny: boolean;
}

/** The five fields of a cron expression. */
export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly day: CronField;
  readonly month: CronField;
  /** 0 to 7; both 0 and 7 are Sunday. */
  readonly weekday: CronField;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface FieldKind {
  readonly name: keyof CronFields;
  readonly min: number;
  readonly max: number;
  readonly words: readonly string[];
}

const FIELDS: readonly FieldKind[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'weekday', min: 0, max: 7, words: WEEKDAYS },
];

const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** A cron expression read, or what is wrong with it, as a clause for the user. */
export function readCron(text: string): CronFields | string {
  const parts = text.trim().split(/\s+/);
  const quoted = JSON.stringify(text.trim());
  const inFull = NICKNAMES.get(parts.join(' ').toLowerCase());
  if (inFull !== undefined) return `${quoted} is a nickname; write its five fields, "${inFull}"`;
  if (parts.length !== FIELDS.length) {
    return `${quoted} does not have five fields (minute, hour, day, month, weekday); write one such as "0 6 * * *"`;
  }
  const read = new Map<keyof CronFields, CronField>();
  for (const [index, kind] of FIELDS.entries()) {
    const part = parts[index] ?? '';
    const spans = readSpans(part, kind);
    if (spans === null) return `${quoted} has the ${kind.name} "${part}"; ${adviceOn(kind)}`;
    read.set(kind.name, { spans, isAny: part === '*' || part === '?' });
  }
  return Object.fromEntries(read) as unknown as CronFields;
}

function adviceOn({ min, max, words }: FieldKind): string {
  const named = words.length === 0 ? '' : `, or ${words[0] ?? ''} to ${words.at(-1) ?? ''}`;
  return `give ${min} to ${max}${named}, a range such as "${min}-${min + 2}", a step such as "*/2", a list of these, or "*"`;
}

function readSpans(text: string, field: FieldKind): Span[] | null {
  const spans = text.split(',').map((part) => readSpan(part, field));
  return spans.every((span) => span !== null) ? spans : null;
}

/** `*`, `*` with a step, a value, a range, or a range with a step. */
function readSpan(text: string, field: FieldKind): Span | null {
  const found = /^(?:([*?])|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:\/(\d{1,2}))?$/i.exec(text);
  if (found === null) return null;
  const [, any, from = '', to, stepText] = found;
  const step = Number(stepText ?? 1);
  // Every seventh day from Sunday is Sunday once.
  const max = any === undefined || field.name !== 'weekday' ? field.max : 6;
  if (step < 1 || step > max - field.min + 1) return null;
  if (any !== undefined)
    return any === '?' && stepText !== undefined ? null : { start: field.min, end: max, step };
  if (to === undefined && stepText !== undefined) return null;
  const start = valueOf(from, field);
  const end = to === undefined ? start : endOf(to, start, field);
  return start >= field.min && start <= end && end <= field.max ? { start, end, step } : null;
}

/** A week may end with Sunday, as in `sat-sun`. */
function endOf(text: string, start: number, field: FieldKind): number {
  const end = valueOf(text, field);
  return text.toLowerCase() === 'sun' && start > end ? 7 : end;
}

/** NaN where it is none. */
function valueOf(text: string, { words, min }: FieldKind): number {
  const index = words.indexOf(text.toLowerCase());
  return index < 0 ? Number(text) : index + min;
}

/** All values of a field, each once, in order. */
export function valuesOf({ spans }: CronField): number[] {
  const values = spans.flatMap(({ start, end, step }) =>
    Array.from({ length: Math.floor((end - start) / step) + 1 }, (_none, index) => start + index * step),
  );
  return [...new Set(values)].sort((left, right) => left - right);
}
