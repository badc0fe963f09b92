import { failedAbovePercent, lateAfterMs } from '../definitions/alertLimits.ts';
import type { Trouble } from '../definitions/alertLimits.ts';
import type { Alert, AlertRun, AlertState, Due, DueRun, ScheduleView } from './alertMessages.ts';
import { errorWords, failedRowsText, failingText, lateText, recoveredText } from './alertWords.ts';
import type { ImportRecord } from './contract.ts';
import type { SyncState } from './messages.ts';
import { isCovered } from './syncState.ts';
import type { Transition } from './syncState.ts';

/*
 * What webhooks are told of a sync, as pure functions from state to state: that it begins to fail, to be late, or to
 * have too many failed rows, and that this is over; nothing while it stays as it is.
 */

/** What a state cannot know by itself. */
export interface Moment {
  readonly nowMs: number;
  readonly newId: () => string;
}

const NOTHING: AlertState = { troubles: {}, due: null, begunAtMs: null, outgoing: [] };

/** Where nobody takes them over, only the newest are kept. */
const OUTGOING_MAX = 20;

/**
 * What a message of a run changes besides its own transition.
 *
 * @param due the Schedule's next runs when the message was sent; null where it is paused or gone.
 */
export function withAlerts<Answer>(
  before: SyncState,
  { state, answer }: Transition<Answer>,
  { due, ...moment }: Moment & { readonly due: Due | null },
): Transition<Answer> {
  if (state === null) return { state, answer };
  const ended = state.imports.at(-1);
  const hasEnded = ended !== undefined && ended.run !== before.imports.at(-1)?.run;
  const told = hasEnded ? afterEnd(state, ended, due, moment) : state;
  const hasBegun =
    state.lease !== null &&
    state.lease.record.run !== before.lease?.record.run &&
    state.lease.record.trigger !== 'retry';
  return { state: hasBegun ? afterBegin(told, due, moment) : told, answer };
}

/** A run that begins is to be done by the time when the next one is due, where none was due before. */
function afterBegin(state: SyncState, next: Due | null, { nowMs }: Moment): SyncState {
  const alerts = state.alerts ?? NOTHING;
  const due = alerts.due ?? (next === null ? null : dueRun({ atMs: nowMs, nextMs: next.atMs }));
  return { ...state, alerts: { ...alerts, due, begunAtMs: nowMs } };
}

/** A run that sends failed rows of another one again, or was skipped, says nothing of the sync; one that was cancelled was not late. */
function afterEnd(state: SyncState, ended: ImportRecord, due: Due | null, moment: Moment): SyncState {
  if (ended.outcome === 'skipped' || ended.trigger === 'retry') return state;
  const alerts = state.alerts ?? NOTHING;
  const next: SyncState = {
    ...state,
    alerts: { ...alerts, due: due === null ? null : dueRun(due), begunAtMs: null },
  };
  if (ended.outcome === 'failed') {
    return begin(next, 'failing', { run: ended, text: failingText(ended), sinceMs: moment.nowMs }, moment);
  }
  return isCovered(ended) ? afterSuccess(next, ended, alerts.begunAtMs, moment) : next;
}

function afterSuccess(
  state: SyncState,
  ended: ImportRecord,
  begunAtMs: number | null,
  moment: Moment,
): SyncState {
  const { alerts } = state.definition;
  const [rows, failed] = [ended.rows ?? 0, ended.failed ?? 0];
  const isAbove = failed > (rows * failedAbovePercent(alerts)) / 100;
  const allowedMs = lateAfterMs(alerts);
  const inTime =
    allowedMs === null
      ? ended.skippedIntervals === 0
      : moment.nowMs - (begunAtMs ?? moment.nowMs) <= allowedMs;
  const over = new Set<Trouble>([
    'failing',
    ...(inTime ? (['late'] as const) : []),
    // A run without rows has no share of them.
    ...(rows > 0 && !isAbove ? (['failed_rows'] as const) : []),
  ]);
  const recovered = end(state, over, ended, moment);
  if (!isAbove) return recovered;
  const text = failedRowsText(ended, failedAbovePercent(alerts));
  return begin(recovered, 'failed_rows', { run: ended, text, sinceMs: moment.nowMs }, moment);
}

/** When a run that was due is late, in milliseconds since 1970; null where none is, or it is late already. */
export function lateAtMs({ alerts, definition }: SyncState): number | null {
  if (alerts === undefined || alerts.due === null || alerts.troubles.late !== undefined) return null;
  const allowedMs = lateAfterMs(definition.alerts);
  if (allowedMs !== null) return alerts.due.atMs + allowedMs;
  return alerts.due.nextMs === null ? null : alerts.due.nextMs + SKIPPED_MS;
}

/** A run that ends while the next one is due has not skipped it yet. */
const SKIPPED_MS = 5_000;

/**
 * What follows when a run is not done in time, with its Schedule as it is then. One that is paused is not late. Where it
 * is not, but started nothing, it may have been paused meanwhile: the run after that decides.
 */
export function afterLook(state: SyncState, view: ScheduleView, moment: Moment): SyncState {
  const { alerts, lease } = state;
  const atMs = lateAtMs(state);
  if (alerts?.due === undefined || alerts.due === null || atMs === null || atMs > moment.nowMs) return state;
  const { due } = alerts;
  if (view.enabled === false) return { ...state, alerts: { ...alerts, due: null } };
  const hasStarted = lease !== null || view.isRunning || (view.lastStartedForMs ?? 0) >= due.atMs;
  if (view.enabled === true && !hasStarted && !due.unstarted) {
    const next = view.due === null ? null : { ...dueRun(view.due), unstarted: true };
    return { ...state, alerts: { ...alerts, due: next } };
  }
  const text = lateText(state.definition.name, { due, lease, view, byMs: atMs });
  return begin(state, 'late', { run: lease?.record ?? null, text, sinceMs: due.atMs }, moment);
}

const dueRun = ({ atMs, nextMs }: Due): DueRun => ({ atMs, nextMs, unstarted: false });

/** The state once these alerts were handed over; what came meanwhile may have pushed out some of them. */
export function withoutOutgoing(state: SyncState, handedOver: readonly Alert[]): SyncState {
  if (state.alerts === undefined) return state;
  const ids = new Set(handedOver.map(({ id }) => id));
  return {
    ...state,
    alerts: { ...state.alerts, outgoing: state.alerts.outgoing.filter(({ id }) => !ids.has(id)) },
  };
}

interface Beginning {
  readonly run: ImportRecord | null;
  readonly text: string;
  readonly sinceMs: number;
}

/** A trouble that begins is told; one that goes on is not told again. */
function begin(
  state: SyncState,
  trouble: Trouble,
  { run, text, sinceMs }: Beginning,
  moment: Moment,
): SyncState {
  const alerts = state.alerts ?? NOTHING;
  if (alerts.troubles[trouble] !== undefined) return state;
  const since = new Date(sinceMs).toISOString();
  const alert = alertOf(state, { event: trouble, since, recoveredFrom: [], run, text }, moment);
  return {
    ...state,
    alerts: {
      ...alerts,
      troubles: { ...alerts.troubles, [trouble]: since },
      outgoing: [...alerts.outgoing, alert].slice(-OUTGOING_MAX),
    },
  };
}

/** All troubles that are over at once are told together. */
function end(state: SyncState, over: ReadonlySet<Trouble>, run: ImportRecord, moment: Moment): SyncState {
  const alerts = state.alerts ?? NOTHING;
  const entries = Object.entries(alerts.troubles) as [Trouble, string][];
  const ended = entries.filter(([trouble]) => over.has(trouble));
  if (ended.length === 0) return state;
  const recoveredFrom = ended.map(([trouble]) => trouble);
  const [since = ''] = ended.map(([, from]) => from).sort();
  const text = recoveredText(run, recoveredFrom, since);
  const alert = alertOf(state, { event: 'recovered', since, recoveredFrom, run, text }, moment);
  return {
    ...state,
    alerts: {
      ...alerts,
      troubles: Object.fromEntries(entries.filter(([trouble]) => !over.has(trouble))),
      outgoing: [...alerts.outgoing, alert].slice(-OUTGOING_MAX),
    },
  };
}

function alertOf(
  { definition }: SyncState,
  alert: Pick<Alert, 'event' | 'since' | 'recoveredFrom' | 'text'> & { readonly run: ImportRecord | null },
  { nowMs, newId }: Moment,
): Alert {
  const { event, since, recoveredFrom, run, text } = alert;
  return {
    version: 1,
    id: newId(),
    event,
    at: new Date(nowMs).toISOString(),
    sync: definition.name,
    integration: definition.integration,
    since,
    recoveredFrom,
    run: run === null ? null : toldRun(run),
    text,
  };
}

function toldRun(record: ImportRecord): AlertRun {
  const { run, outcome, startedAt, endedAt, rows, delivered, failed, skippedIntervals } = record;
  const { errorCode } = record;
  const counts = { rows, delivered, failed, skippedIntervals };
  return { run, outcome, startedAt, endedAt, ...counts, errorCode, error: errorWords(record) };
}
