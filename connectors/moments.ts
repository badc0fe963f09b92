/** A moment since the beginning of 1970, in no zone. */
export interface Moment {
  readonly seconds: number;
  /** From 0 to 999,999,999, also before 1970. */
  readonly nanos: number;
}

export const DAY_SECONDS = 86_400;

/** `2026-01-31T08:15:00.123`. @param digits how many of the fraction are written, at most 9. */
export function momentText({ seconds, nanos }: Moment, digits: number): string {
  const day = Math.floor(seconds / DAY_SECONDS);
  return `${dayText(day)}T${clockText({ seconds: seconds - day * DAY_SECONDS, nanos }, digits)}`;
}

/** `08:15:00.123`, of a moment of the first day. @param digits how many of the fraction are written, at most 9. */
export function clockText({ seconds, nanos }: Moment, digits: number): string {
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return digits === 0 ? clock : `${clock}.${String(nanos).padStart(9, '0').slice(0, digits)}`;
}

/** @param days since 1970. A year beyond 9999 or before 0 has a sign and six digits. */
export function dayText(days: number): string {
  const iso = new Date(days * DAY_SECONDS * 1_000).toISOString();
  return iso.slice(0, iso.indexOf('T'));
}
