import { Cron } from 'croner';
import { durationMs } from './durationMs.ts';
import type { SyncDefinition } from './sync.ts';

/** A Schedule's spec in the form that `@temporalio/client` takes. */
export interface TimingSpec {
  readonly intervals?: { every: number; offset: number }[];
  readonly calendars?: CalendarSpec[];
  readonly timezone?: string;
  readonly startAt?: Date;
}

export interface CalendarSpec {
  comment: string;
  second: number;
  minute: Span[];
  hour: Span[];
  dayOfMonth: Span[];
  month: Month[];
  dayOfWeek: WeekDay[];
}

interface Span {
  start: number;
  end: number;
  step: number;
}

const WEEK_DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;
type WeekDay = (typeof WEEK_DAYS)[number];

const MONTH_NAMES = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;
type Month = (typeof MONTH_NAMES)[number];

/** When a sync runs. */
export interface Timing {
  readonly spec: TimingSpec;
  /** How late a missed interval may still start, in milliseconds. */
  readonly catchupWindowMs: number;
}

const CATCHUP_MIN_MS = 60_000;

/**
 * The timing of a sync's Schedule.
 *
 * Intervals count from `startAt`, else from the sync's creation; Temporal aligns them to the epoch plus an
 * offset. The catch-up window is one interval, so that after an outage one run starts, not one per missed
 * interval. Crons are written as calendars with the user's words as their comment, because Temporal reads a cron
 * back without them.
 */
export function scheduleTiming(sync: SyncDefinition, createdAtMs: number): Timing {
  const startAt = sync.startAt === undefined ? {} : { startAt: new Date(sync.startAt) };
  if (sync.cron !== undefined) {
    const timezone = sync.timezone ?? 'UTC';
    return {
      spec: { calendars: calendarsOf(sync.cron), timezone, ...startAt },
      catchupWindowMs: Math.max(CATCHUP_MIN_MS, longestGapMs(sync.cron, timezone)),
    };
  }
  const every = durationMs(sync.every ?? '') ?? CATCHUP_MIN_MS;
  const originMs = startAt.startAt?.getTime() ?? createdAtMs;
  const offset = Math.floor((originMs % every) / 1_000) * 1_000;
  return {
    spec: { intervals: [{ every, offset }], ...startAt },
    catchupWindowMs: Math.max(CATCHUP_MIN_MS, every),
  };
}

/** The longest time between two of the next ten firings. */
function longestGapMs(cron: string, timezone: string): number {
  const firings = new Cron(cron, { paused: true, timezone, mode: '5-part' }).nextRuns(10);
  const gaps = firings.slice(1).map((firing, index) => firing.getTime() - (firings[index]?.getTime() ?? 0));
  return Math.max(CATCHUP_MIN_MS, ...gaps);
}

/**
 * A cron as calendars. Where both the day of the month and the weekday are restricted, cron fires on either,
 * while a calendar wants both: that makes two calendars. Source: POSIX, crontab.
 */
function calendarsOf(cron: string): CalendarSpec[] {
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = cron.trim().split(/\s+/);
  const base = {
    comment: cron,
    second: 0,
    minute: spans(minute, 0, 59),
    hour: spans(hour, 0, 23),
    month: valuesOf(month, 1, 12, MONTHS).map((number) => MONTH_NAMES[number - 1] ?? 'JANUARY'),
  };
  const anyDay = spans('*', 1, 31);
  const anyWeekday = [...WEEK_DAYS];
  const days = spans(day, 1, 31);
  const weekdays = [
    ...new Set(valuesOf(weekday, 0, 7, DAYS).map((value) => WEEK_DAYS[value % 7] ?? 'SUNDAY')),
  ];
  if (day.startsWith('*') || weekday.startsWith('*')) {
    return [{ ...base, dayOfMonth: days, dayOfWeek: weekdays }];
  }
  return [
    { ...base, dayOfMonth: days, dayOfWeek: anyWeekday },
    { ...base, dayOfMonth: anyDay, dayOfWeek: weekdays },
  ];
}

const MONTHS = ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function spans(field: string, min: number, max: number, names: readonly string[] = []): Span[] {
  return field.split(',').map((part) => {
    const [range = '*', stepText] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    if (range === '*' || range === '?') return { start: min, end: max, step };
    const [from = '', to] = range.split('-');
    const start = valueOf(from, names);
    return {
      start,
      end: to === undefined ? (stepText === undefined ? start : max) : valueOf(to, names),
      step,
    };
  });
}

function valuesOf(field: string, min: number, max: number, names: readonly string[]): number[] {
  const top = field.startsWith('*') && max === 7 ? 6 : max;
  const values = spans(field, min, top, names).flatMap(({ start, end, step }) => {
    const steps = Math.floor((end - start) / step) + 1;
    return Array.from({ length: Math.max(0, steps) }, (_none, index) => start + index * step);
  });
  return [...new Set(values)];
}

function valueOf(text: string, names: readonly string[]): number {
  const named = names.indexOf(text.toLowerCase());
  return named >= 0 && text !== '' ? named : Number(text);
}

/** How often a Schedule fires, in words; both absent where it is none that Rowcast can word. */
export interface TimingWords {
  readonly every?: string;
  readonly cron?: string;
  readonly timezone?: string;
}

/** What a Schedule's spec says, whoever wrote it. */
export function describeTiming(spec: {
  readonly intervals?: readonly { readonly every: number | string }[] | undefined;
  readonly calendars?: readonly { readonly comment?: string | undefined }[] | undefined;
  readonly timezone?: string | undefined;
}): TimingWords {
  const [interval] = spec.intervals ?? [];
  const [calendar] = spec.calendars ?? [];
  if (interval !== undefined) return { every: wordsOf(Number(interval.every)) };
  if (calendar?.comment === undefined || calendar.comment === '') return {};
  return {
    cron: calendar.comment,
    timezone: spec.timezone === undefined || spec.timezone === '' ? 'UTC' : spec.timezone,
  };
}

const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** A duration in the largest unit that divides it: `15 minutes`, `1 day`. @param ms milliseconds. */
export function wordsOf(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => ms % size === 0) ?? ['second', 1_000];
  const count = ms / unitMs;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
