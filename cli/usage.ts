/** Wrong usage, in one sentence: the command ends with exit code 2. */
export class UsageError extends Error {}

/** Reads a flag's value as a whole number. */
export function wholeNumber(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new UsageError(`${flag} is ${JSON.stringify(text)}; give a whole number from ${min} to ${max}.`);
  };
}

/** The last second of the year 9999: what lies beyond was meant as milliseconds. */
const UNIX_SECONDS_MAX = 253_402_300_799;

/** A date, or a date and a time; without a zone it is UTC. Source: ISO 8601, extended format. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Reads a flag's value as a moment, in whole Unix seconds. */
export function unixSeconds(flag: string): (text: string) => number {
  return (text) => {
    const seconds = /^\d+$/.test(text) ? Number(text) : isoSeconds(text);
    if (seconds >= 0 && seconds <= UNIX_SECONDS_MAX) return seconds;
    throw new UsageError(
      `${flag} is ${JSON.stringify(text)}; give whole Unix seconds, or ISO 8601 from 1970 on, such as 2027-01-31T06:00:00Z.`,
    );
  };
}

/** NaN where it is none. */
function isoSeconds(text: string): number {
  const found = ISO_8601.exec(text);
  if (found === null) return NaN;
  const [, time, , , zone] = found;
  return Math.floor(Date.parse(time !== undefined && zone === undefined ? `${text}Z` : text) / 1_000);
}
