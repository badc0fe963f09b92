const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
};

/**
 * Milliseconds of a duration in words, such as `15 minutes`, `15m`, `2 hours`, `1 day`; null where it is none.
 *
 * It stands apart from the schema in `duration.ts` because workflows use it, and their bundle holds no zod.
 */
export function durationMs(text: string): number | null {
  const match = /^\s*(\d{1,6})\s*([a-z]+?)s?\s*$/i.exec(text);
  const unit = (match?.[2] ?? '').toLowerCase();
  const unitMs = UNITS_MS[unit === '' ? 's' : unit];
  return match === null || unitMs === undefined ? null : Number(match[1]) * unitMs;
}
