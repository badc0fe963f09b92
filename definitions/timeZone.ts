import { z } from 'zod';

/** An IANA time zone, such as `Europe/Berlin`. */
export const TimeZone = z.string('must be an IANA time zone, such as "Europe/Berlin"').refine(isTimeZone, {
  error: (issue) =>
    `${JSON.stringify(issue.input)} is not a time zone; give an IANA name such as "UTC" or "Europe/Berlin"`,
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
