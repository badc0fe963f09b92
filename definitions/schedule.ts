import { Cron } from 'croner';
import { readCron, valuesOf } from './cronFields.ts';
import type { CronFields, Span } from './cronFields.ts';
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
 * Intervals count from `startAt`, else from the sync's creation, in whole seconds; Temporal aligns them to the epoch
 * plus an offset. The catch-up window is one interval, so that after an outage one run starts, not one per missed
 * interval. Crons are written as calendars with the user's words as their comment, because Temporal reads a cron
 * back without them.
 */
export function scheduleTiming(sync: SyncDefinition, createdAtMs: number): Timing {
  const startMs = sync.startAt === undefined ? undefined : toWholeSeconds(Date.parse(sync.startAt));
  const startAt = startMs === undefined ? {} : { startAt: new Date(startMs) };
  if (sync.cron !== undefined) {
    return {
      spec: { calendars: calendarsOf(sync.cron), timezone: sync.timezone ?? 'UTC', ...startAt },
      catchupWindowMs: longestGapMs(sync.cron),
    };
  }
  const every = durationMs(sync.every ?? '') ?? CATCHUP_MIN_MS;
  // A start before 1970 counts backwards from it.
  const offset = (((startMs ?? toWholeSeconds(createdAtMs)) % every) + every) % every;
  return {
    spec: { intervals: [{ every, offset }], ...startAt },
    catchupWindowMs: Math.max(CATCHUP_MIN_MS, every),
  };
}

function toWholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}

/** Firing days that are looked at: more than a year of them where it fires every day. */
const DAYS_LOOKED_AT = 400;

/** The longest time between two firings of a cron: within a day, or over days without one. */
function longestGapMs(cron: string): number {
  const { minute, hour } = fieldsOf(cron);
  const minutes = valuesOf(minute);
  const times = valuesOf(hour).flatMap((hours) => minutes.map((value) => (hours * 60 + value) * 60_000));
  const daily = ['0', '0', ...cron.trim().split(/\s+/).slice(2)].join(' ');
  const days = new Cron(daily, { paused: true, timezone: 'UTC', mode: '5-part' }).nextRuns(DAYS_LOOKED_AT);
  const betweenDays = longestStep(days.map((day) => day.getTime()));
  const overnight = betweenDays - ((times.at(-1) ?? 0) - (times[0] ?? 0));
  return Math.max(CATCHUP_MIN_MS, longestStep(times), overnight);
}

function longestStep(sorted: readonly number[]): number {
  return sorted
    .slice(1)
    .reduce((longest, value, index) => Math.max(longest, value - (sorted[index] ?? 0)), 0);
}

/**
 * A cron as calendars. Where both the day of the month and the weekday are restricted, cron fires on either,
 * while a calendar wants both: that makes two calendars. Source: POSIX, crontab.
 */
function calendarsOf(cron: string): CalendarSpec[] {
  const { minute, hour, day, month, weekday } = fieldsOf(cron);
  const weekdays = [...new Set(valuesOf(weekday).map((value) => value % 7))];
  const base = {
    comment: cron,
    second: 0,
    minute: [...minute.spans],
    hour: [...hour.spans],
    dayOfMonth: [...day.spans],
    month: valuesOf(month).map((number) => MONTH_NAMES[number - 1] ?? 'JANUARY'),
    dayOfWeek: weekdays.map((number) => WEEK_DAYS[number] ?? 'SUNDAY'),
  };
  if (day.isAny || weekday.isAny) return [base];
  return [
    { ...base, dayOfWeek: [...WEEK_DAYS] },
    { ...base, dayOfMonth: [{ start: 1, end: 31, step: 1 }] },
  ];
}

/** The fields of a cron that was checked. */
function fieldsOf(cron: string): CronFields {
  const fields = readCron(cron);
  if (typeof fields === 'string') throw new Error(`unchecked cron: ${fields}`);
  return fields;
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
  const [interval, ...intervals] = spec.intervals ?? [];
  const [calendar, ...calendars] = spec.calendars ?? [];
  if (interval !== undefined) {
    const isAlone = intervals.length === 0 && calendar === undefined;
    return isAlone ? { every: wordsOf(Number(interval.every)) } : {};
  }
  const cron = calendar?.comment ?? '';
  // What a person wrote there as a comment is no cron.
  const isCron = typeof readCron(cron) !== 'string';
  if (!isCron || calendars.some(({ comment }) => comment !== cron)) return {};
  return { cron, timezone: spec.timezone === undefined || spec.timezone === '' ? 'UTC' : spec.timezone };
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
