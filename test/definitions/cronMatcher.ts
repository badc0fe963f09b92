import type { CalendarSpec } from '../../definitions/schedule.ts';

/*
 * Which moments a Schedule's calendars match, as Temporal's reference for StructuredCalendarSpec says: every field of
 * a calendar must match, and one calendar is enough. It shares no code with `definitions/`.
 */

const MONTHS = 'JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER'.split(
  ' ',
);
const DAYS = 'SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY'.split(' ');

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const isIn = (ranges: readonly Range[], value: number) =>
  ranges.some(({ start, end, step }) => value >= start && value <= end && (value - start) % step === 0);

function matchesDay(calendar: CalendarSpec, day: Date): boolean {
  return (
    isIn(calendar.dayOfMonth, day.getUTCDate()) &&
    calendar.month.some((month) => month === MONTHS[day.getUTCMonth()]) &&
    calendar.dayOfWeek.some((weekday) => weekday === DAYS[day.getUTCDay()])
  );
}

/** The moments in UTC at which the calendars match, from the start of one day to the start of another. */
export function firings(calendars: readonly CalendarSpec[], from: Date, to: Date): string[] {
  const found: string[] = [];
  for (let day = from.getTime(); day < to.getTime(); day += 86_400_000) {
    const ofDay = calendars.filter((calendar) => matchesDay(calendar, new Date(day)));
    if (ofDay.length === 0) continue;
    for (let minute = 0; minute < 1_440; minute += 1) {
      const matches = ofDay.some(
        (calendar) => isIn(calendar.hour, Math.floor(minute / 60)) && isIn(calendar.minute, minute % 60),
      );
      if (matches) found.push(new Date(day + minute * 60_000).toISOString());
    }
  }
  return found;
}
