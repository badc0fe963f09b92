import type { AlertEvent, Trouble } from '../definitions/alertLimits.ts';
import type { ImportRecord } from './contract.ts';

/* What a webhook is told, and what of it a sync keeps. */

/** What a webhook is told: the JSON of one message. Every time is ISO 8601 in UTC; what is unknown is null. */
export interface Alert {
  readonly version: 1;
  /** A ULID, fixed before the message is first sent: one that comes again has the same. */
  readonly id: string;
  readonly event: AlertEvent | 'test';
  /** When the state changed. */
  readonly at: string;
  /** Null in a test, as is everything else about a sync. */
  readonly sync: string | null;
  readonly integration: string | null;
  /** Since when the sync is in trouble; of a recovery, since when it was. */
  readonly since: string | null;
  /** What is over; empty unless the event is `recovered`. */
  readonly recoveredFrom: readonly Trouble[];
  /** The run that changed the state, or is under way too long. */
  readonly run: AlertRun | null;
  /** The same in a sentence for people, without links. */
  readonly text: string;
}

/** A run's import, in so far as it is told: its error without what others say of it, who may quote a row. */
export type AlertRun = Pick<
  ImportRecord,
  | 'run'
  | 'outcome'
  | 'startedAt'
  | 'endedAt'
  | 'rows'
  | 'delivered'
  | 'failed'
  | 'skippedIntervals'
  | 'errorCode'
  | 'error'
>;

/** What a sync remembers so that it tells of changes alone. */
export interface AlertState {
  /** Since when it is in which trouble, ISO 8601. */
  readonly troubles: Readonly<Partial<Record<Trouble, string>>>;
  /** When its next run is due; null where it is disabled, or not known. */
  readonly due: DueRun | null;
  /** When the run under way was granted its window, in milliseconds since 1970; null where there is none. */
  readonly begunAtMs: number | null;
  /** Not handed over yet, newest last. */
  readonly outgoing: readonly Alert[];
}

/** When a Schedule starts a run, and the one after it, in milliseconds since 1970. */
export interface Due {
  readonly atMs: number;
  /** Null where there is none after it. */
  readonly nextMs: number | null;
}

export interface DueRun extends Due {
  /** Whether a run that was due before did not start, though nothing says that it should have. */
  readonly unstarted: boolean;
}

/** What a Schedule says when a run is not done in time. */
export interface ScheduleView {
  /** Null where there is no Schedule. */
  readonly enabled: boolean | null;
  /** Whether a run that it started has not ended. */
  readonly isRunning: boolean;
  /** The time for which it last started a run, in milliseconds since 1970. */
  readonly lastStartedForMs: number | null;
  readonly due: Due | null;
}

/** The start of the workflow that tells one webhook one alert. */
export interface AlertInput {
  readonly webhook: string;
  readonly alert: Alert;
}
