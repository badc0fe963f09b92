import { durationMs } from './durationMs.ts';

/** What of a sync's runs is kept for how long, in words; 0: not at all. What is absent has its default. */
export interface KeepWords {
  readonly imports?: string | 0 | undefined;
  readonly errors?: string | 0 | undefined;
  readonly calls?: string | 0 | undefined;
}

const DEFAULTS = { imports: '400 days', errors: '14 days', calls: '7 days' } as const;

export type Kept = keyof typeof DEFAULTS;

/** For how long something is kept, in words. */
export function keepWords(keep: KeepWords | undefined, what: Kept): string {
  return String(keep?.[what] ?? DEFAULTS[what]);
}

/** In milliseconds; 0: not at all. Apart from the schema in `keep.ts`, because workflows use it. */
export function keepMs(keep: KeepWords | undefined, what: Kept): number {
  return durationMs(keepWords(keep, what)) ?? 0;
}
