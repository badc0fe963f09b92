import { durationMs } from './durationMs.ts';

/** What can be wrong with a sync, and what a webhook is told of. */
export const TROUBLES = ['failing', 'late', 'failed_rows'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** What a webhook is told of: that something goes wrong with a sync, and that it is over. */
export const ALERT_EVENTS = [...TROUBLES, 'recovered'] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

/** From when on a sync is in trouble, in words. What is absent has its default. */
export interface AlertWords {
  readonly lateAfter?: string | undefined;
  readonly failedAbove?: string | undefined;
}

const FAILED_ABOVE = '10%';

/** A percentage such as `5%` or `0.5%` as a number; null where it is none of 0 to 100. */
export function percentIn(text: string): number | null {
  const [, number = ''] = /^\s*(\d{1,3}(?:\.\d{1,3})?)\s*%\s*$/.exec(text) ?? [];
  return number === '' || Number(number) > 100 ? null : Number(number);
}

/** Above how many percent of failed rows a run is told of, 0 to 100. */
export function failedAbovePercent(alerts: AlertWords | undefined): number {
  return percentIn(alerts?.failedAbove ?? FAILED_ABOVE) ?? 100;
}

/** How long after it is due a run has to be done, in milliseconds; null: by the time when the next one is due. */
export function lateAfterMs(alerts: AlertWords | undefined): number | null {
  return alerts?.lateAfter === undefined ? null : durationMs(alerts.lateAfter);
}
