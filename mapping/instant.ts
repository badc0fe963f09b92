import { localToUtcMs, utcToLocalMs } from './zone.ts';

/*
 * Dates and times as text, exact: nothing here goes through a `Date` where the zone is UTC already, and a
 * fraction is only ever copied, so that microseconds survive.
 */

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?$/;

/**
 * A date-time without a zone as ISO 8601 in UTC, with its whole precision; null where the text is none, or
 * lies outside of the years 0000 to 9999 in UTC.
 *
 * @param timeZone IANA name of the zone that the text is meant in.
 */
export function datetimeToUtc(text: string, timeZone: string): string | null {
  return toUtc(text, timeZone === 'UTC' ? null : (localMs) => localToUtcMs(localMs, timeZone));
}

const UTC = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?Z$/;

/** The date-time of which `datetimeToUtc` makes a text; null where there is none. */
export function utcToDatetime(utc: string, timeZone: string): string | null {
  const [, seconds, fraction = ''] = UTC.exec(utc) ?? [];
  if (seconds === undefined) return null;
  const local = timeZone === 'UTC' ? seconds : secondsText(utcToLocalMs(Date.parse(`${seconds}Z`), timeZone));
  const datetime = local === null ? null : `${local}${fraction}`;
  return datetime !== null && datetimeToUtc(datetime, timeZone) === utc ? datetime : null;
}

/** @param shift the moment of a local time, both in milliseconds since 1970; null where they are the same. */
function toUtc(text: string, shift: ((localMs: number) => number) | null): string | null {
  const match = DATE_TIME.exec(text);
  if (match === null) return null;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00', fraction] = match;
  const isTime = hour <= '23' && minute <= '59' && second <= '59';
  if (!isTime || !isDay(Number(year), Number(month), Number(day))) return null;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const utc = shift === null ? local : secondsText(shift(Date.parse(`${local}Z`)));
  if (utc === null) return null;
  return fraction === undefined ? `${utc}Z` : `${utc}.${fraction}Z`;
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Whether a day exists in the Gregorian calendar, continued backwards as ISO 8601 does. */
function isDay(year: number, month: number, day: number): boolean {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeapYear ? 29 : (MONTH_DAYS[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

const MS_MIN = Date.parse('0000-01-01T00:00:00.000Z');
const MS_MAX = Date.parse('9999-12-31T23:59:59.999Z');

function isoText(ms: number): string | null {
  return ms >= MS_MIN && ms <= MS_MAX ? new Date(ms).toISOString() : null;
}

function secondsText(ms: number): string | null {
  return isoText(ms)?.slice(0, 'yyyy-mm-ddThh:mm:ss'.length) ?? null;
}

const ZONED = /^(.*\S)\s*(?:Z|([+-])(\d{2})(?::?(\d{2}))?)$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const UNIX = /^-?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?$/i;

/** From here on a Unix time is in milliseconds: as seconds it would be the year 5138. */
const UNIX_MS_MIN = 100_000_000_000;

/**
 * What a `timestamp` column holds, as ISO 8601 in UTC; null where it is none of: a date-time with or without a
 * zone, a date, Unix seconds (with a fraction or without) or Unix milliseconds. A number of more than 11 digits
 * before its point is in milliseconds. The years 0000 to 9999 can be told.
 *
 * @param timeZone IANA name of the zone of what has none.
 */
export function timestampToUtc(text: string, timeZone: string): string | null {
  const trimmed = text.trim();
  if (UNIX.test(trimmed)) return unixToUtc(Number(trimmed));
  if (DATE.test(trimmed)) return datetimeToUtc(`${trimmed}T00:00:00`, timeZone);
  const zoned = ZONED.exec(trimmed);
  if (zoned === null) return datetimeToUtc(trimmed, timeZone);
  const [, local = '', sign = '+', hours = '00', minutes = '00'] = zoned;
  if (hours > '23' || minutes > '59') return null;
  const aheadMs = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return toUtc(local, aheadMs === 0 ? null : (localMs) => localMs - aheadMs);
}

function unixToUtc(value: number): string | null {
  return isoText(Math.round(Math.abs(value) >= UNIX_MS_MIN ? value : value * 1_000));
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** Whether a text has the form in which connectors write an instant; that its day exists is theirs to know. */
export function isInstant(text: string): boolean {
  return INSTANT.test(text);
}

/** The milliseconds since 1970 of a text that `timestampToUtc` answered. */
export function instantMs(utc: string): number {
  return Date.parse(utc);
}
