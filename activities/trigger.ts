import type { Trigger } from '../workflows/contract.ts';

/** What is known of the start of a run. */
export interface RunStart {
  /** The interval that started it, in milliseconds since 1970. */
  readonly scheduledAtMs: number;
  readonly startedAtMs: number;
  /** The Schedule's intervals; empty where it goes by calendars. */
  readonly intervals: readonly { readonly everyMs: number; readonly offsetMs: number }[];
  /** How late a missed interval may still start. */
  readonly catchupWindowMs: number;
}

/**
 * What started a run. Temporal does not say, but it can be told from the moment the run stands for: intervals
 * and calendars fall on whole seconds of their own, a backfill's lie further back than any interval is made
 * up for, and what remains was triggered by hand.
 */
export function triggerOf({ scheduledAtMs, startedAtMs, intervals, catchupWindowMs }: RunStart): Trigger {
  const onGrid =
    intervals.length === 0
      ? scheduledAtMs % 60_000 === 0
      : intervals.some(({ everyMs, offsetMs }) => (scheduledAtMs - offsetMs) % everyMs === 0);
  if (!onGrid) return 'manual';
  return startedAtMs - scheduledAtMs > catchupWindowMs ? 'backfill' : 'schedule';
}
