import { DateTime } from 'luxon';

/*
 * Dates and times as text, exact: nothing here goes through a `Date` where the zone is UTC already, so that
 * microseconds survive.
 */

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)([.,]\d{1,9})?$/;

/**
 * A date-time without a zone as ISO 8601 in UTC, with its whole precision; null where the text is none.
 *
 * @param timeZone IANA name of the zone that the text is meant in.
 */
export function datetimeToUtc(text: string, timeZone: string): string | null {
  const match = DATE_TIME.exec(text);
  if (match === null) return null;
  const [, date = '', time = '', fraction = ''] = match;
  const seconds = time.length === 5 ? `${time}:00` : time;
  const dotted = fraction.replace(',', '.');
  if (timeZone === 'UTC') return isCalendar(date, seconds) ? `${date}T${seconds}${dotted}Z` : null;
  const moment = DateTime.fromISO(`${date}T${seconds}`, { zone: timeZone });
  return moment.isValid ? `${moment.toUTC().toFormat("yyyy-MM-dd'T'HH:mm:ss")}${dotted}Z` : null;
}

const WITH_ZONE = /^(.*?)\s*(Z|[+-]\d{2}(?::?\d{2})?)$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const UNIX = /^-?\d{1,16}(?:\.\d{1,9})?$/;

/** Above this a Unix time is in milliseconds: as seconds it would be the year 5138. */
const UNIX_SECONDS_MAX = 100_000_000_000;

/**
 * What a `timestamp` column holds, as ISO 8601 in UTC; null where it is none of: a date-time with or without a
 * zone, a date, Unix seconds (with a fraction or without) or Unix milliseconds. A number of more than 11 digits
 * before its point is in milliseconds.
 */
export function timestampToUtc(text: string, timeZone: string): string | null {
  const trimmed = text.trim();
  if (UNIX.test(trimmed)) return unixToUtc(trimmed);
  if (DATE.test(trimmed)) return datetimeToUtc(`${trimmed}T00:00:00`, timeZone);
  const zoned = WITH_ZONE.exec(trimmed);
  if (zoned === null) return datetimeToUtc(trimmed, timeZone);
  const [, local = '', zone = ''] = zoned;
  const utc = datetimeToUtc(local, 'UTC');
  if (utc === null || /^(Z|[+-]00(:?00)?)$/i.test(zone)) return utc;
  return shifted(utc, offsetMinutes(zone));
}

function unixToUtc(text: string): string | null {
  const value = Number(text);
  const ms = Math.abs(value) >= UNIX_SECONDS_MAX ? value : value * 1_000;
  const date = new Date(Math.round(ms));
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 ? null : date.toISOString();
}

function offsetMinutes(zone: string): number {
  const digits = zone.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0);
  return zone.startsWith('-') ? -minutes : minutes;
}

/** Moves a UTC text by whole minutes, and keeps its fraction as it is written. */
function shifted(utc: string, minutes: number): string {
  const fraction = /\.\d+/.exec(utc)?.[0] ?? '';
  const moved = new Date(Date.parse(`${utc.slice(0, 19)}Z`) - minutes * 60_000);
  return `${moved.toISOString().slice(0, 19)}${fraction}Z`;
}

/** Whether date and time exist in the calendar; 24:00 and second 60 do not. */
function isCalendar(date: string, time: string): boolean {
  const parsed = new Date(`${date}T${time}Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(`${date}T${time}`);
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** Whether a text is ISO 8601 in UTC as connectors write it. */
export function isInstant(text: string): boolean {
  return INSTANT.test(text);
}

/** The milliseconds since 1970 of a text that `timestampToUtc` answered. */
export function instantMs(utc: string): number {
  return Date.parse(utc);
}
