import { IANAZone } from 'luxon';

const DAY_MS = 86_400_000;

/** Days remembered for a zone; rows rarely span more. */
const DAYS_MAX = 10_000;

/** For each zone, the days on which its clocks are not changed, with the offset that holds on them. */
const steadyDays = new Map<string, Map<number, number>>();

/**
 * The moment that the clocks of a zone show a local time. Of a time that comes twice, as clocks are set back,
 * the first is meant; a time that is skipped is counted on from before the change. The answer depends on
 * nothing else, so that a row read again makes the same call.
 *
 * @param localMs the local time, in milliseconds since 1970 as if it were UTC.
 * @param timeZone IANA name of the zone.
 * @returns milliseconds since 1970.
 */
export function localToUtcMs(localMs: number, timeZone: string): number {
  const day = Math.floor(localMs / DAY_MS);
  const days = daysOf(timeZone);
  const known = days.get(day);
  if (known !== undefined) return localMs - known;
  // No offset is as long as a day, so that these lie before and after every moment of the local day.
  const before = offsetMs(timeZone, (day - 1) * DAY_MS);
  const after = offsetMs(timeZone, (day + 2) * DAY_MS);
  if (before === after) {
    if (days.size === DAYS_MAX) days.clear();
    days.set(day, before);
    return localMs - before;
  }
  const isBefore = offsetMs(timeZone, localMs - before) === before;
  const isAfter = offsetMs(timeZone, localMs - after) === after;
  return localMs - (isAfter && !isBefore ? after : before);
}

/** What the clocks of a zone show at a moment, both in milliseconds since 1970. */
export function utcToLocalMs(utcMs: number, timeZone: string): number {
  return utcMs + offsetMs(timeZone, utcMs);
}

function daysOf(timeZone: string): Map<number, number> {
  const known = steadyDays.get(timeZone);
  if (known !== undefined) return known;
  const days = new Map<number, number>();
  steadyDays.set(timeZone, days);
  return days;
}

/** How far the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
function offsetMs(timeZone: string, ms: number): number {
  return Math.round(IANAZone.create(timeZone).offset(ms) * 60_000);
}
