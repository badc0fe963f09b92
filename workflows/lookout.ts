import { patched, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import { afterLook, lateAtMs, withAlerts, withoutOutgoing } from './alerts.ts';
import type { Moment } from './alerts.ts';
import type { Due } from './alertMessages.ts';
import { saveCopy } from './copies.ts';
import type { SyncState } from './messages.ts';
import { detailsOf } from './syncShown.ts';
import type { Transition } from './syncState.ts';
import { uncancelled } from './turns.ts';
import type { Turns } from './turns.ts';
import { ulidAt } from './ulid.ts';

/*
 * How a sync looks out for itself: it notes what its runs change, wakes when one is not done in time, and hands over what
 * webhooks are to be told. Whom it is told, and how often that is tried, is not its business.
 */

/** What the workflow of a sync holds for it. */
export interface Lookout {
  /** Whether it tells of anything: one that began with older code does so from its next run on. */
  isOn: boolean;
  /** Until then alerts are not handed over again, since they could not be: milliseconds since 1970; null: at once. */
  handOverAtMs: number | null;
  /** How long that waits. */
  handOverWaitMs: number;
  /** Until then nothing is looked at again, since it could not be: milliseconds since 1970. */
  blindUntilMs: number;
}

export const createLookout = (): Lookout => ({
  isOn: patched(PATCH),
  handOverAtMs: null,
  handOverWaitMs: 0,
  blindUntilMs: 0,
});

const PATCH = 'alerts';

/** So long after a look that failed comes the next one. */
const BLIND_MS = 60_000;

/** So long after alerts could not be handed over that is tried again, each time twice as long, up to a limit. */
const HAND_OVER_MS = 60_000;
const HAND_OVER_MAX_MS = 600_000;

/** What the workflow gives: its state, which others change in turns of theirs. */
interface Held {
  state: SyncState | null;
  readonly lookout: Lookout;
}

const now = (): Moment => {
  const nowMs = Date.now();
  return { nowMs, newId: () => ulidAt(nowMs, Math.random) };
};

/** What a message of a run changes, with what is to be told of it. @param due as the message says. */
export function noted<Answer>(
  { lookout }: Held,
  before: SyncState,
  transition: Transition<Answer>,
  due: Due | null | undefined,
): Transition<Answer> {
  lookout.isOn ||= patched(PATCH);
  return lookout.isOn ? withAlerts(before, transition, { due: due ?? null, ...now() }) : transition;
}

/** Waits until a sync has to do something for itself. @param mustAct whether there is something else to do. */
export function idle(held: Held, mustAct: () => boolean): Promise<void> {
  const atMs = wakesAtMs(held);
  const isSooner = () => {
    const nowAtMs = wakesAtMs(held);
    return nowAtMs !== null && (atMs === null || nowAtMs < atMs);
  };
  return uncancelled(() => mustAct() || mustHandOver(held) || mustLook(held) || isSooner(), atMs);
}

/** When a sync has to do something for itself though nothing happens; null: never. */
function wakesAtMs(held: Held): number | null {
  const times = [looksAtMs(held), hasOutgoing(held) ? held.lookout.handOverAtMs : null];
  const known = times.filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** When to look whether the run that was due is done, in milliseconds since 1970; null while none is. */
function looksAtMs({ state, lookout }: Held): number | null {
  const atMs = state === null || !lookout.isOn ? null : lateAtMs(state);
  return atMs === null ? null : Math.max(atMs, lookout.blindUntilMs);
}

export function mustLook(held: Held): boolean {
  const atMs = looksAtMs(held);
  return atMs !== null && atMs <= Date.now();
}

const { viewSchedule } = proxyActivities<Pick<ControlActivities, 'viewSchedule'>>({
  startToCloseTimeout: '20 seconds',
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
  summary: 'see whether a run is late',
});

/** Looks at the Schedule of a run that is not done in time, and tells where that is late. */
export async function look(name: string, held: Held, inTurn: Turns): Promise<void> {
  const view = await viewSchedule(name).catch(() => null);
  if (view === null) {
    held.lookout.blindUntilMs = Date.now() + BLIND_MS;
    return;
  }
  await inTurn(async () => {
    if (held.state !== null) await keep(name, held, afterLook(held.state, view, now()));
  });
}

export function mustHandOver(held: Held): boolean {
  const { handOverAtMs } = held.lookout;
  return hasOutgoing(held) && (handOverAtMs === null || handOverAtMs <= Date.now());
}

const hasOutgoing = ({ state }: Held) => (state?.alerts?.outgoing.length ?? 0) > 0;

const { startAlerts } = proxyActivities<Pick<ControlActivities, 'startAlerts'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '10 minutes',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
  summary: 'have webhooks told',
});

/** Hands over what is to be told; where that fails, it is tried again later. */
export async function handOver(name: string, held: Held, inTurn: Turns): Promise<void> {
  const alerts = held.state?.alerts?.outgoing ?? [];
  try {
    await startAlerts(alerts);
  } catch {
    const waitMs = Math.min(Math.max(HAND_OVER_MS, 2 * held.lookout.handOverWaitMs), HAND_OVER_MAX_MS);
    held.lookout.handOverWaitMs = waitMs;
    held.lookout.handOverAtMs = Date.now() + waitMs;
    return;
  }
  held.lookout.handOverAtMs = null;
  held.lookout.handOverWaitMs = 0;
  await inTurn(async () => {
    if (held.state !== null) await keep(name, held, withoutOutgoing(held.state, alerts));
  });
}

/** What nobody asked for waits for no storage: its copy may lag behind. */
async function keep(name: string, held: Held, state: SyncState): Promise<void> {
  if (state === held.state) return;
  held.state = await saveCopy('sync', name, state).catch(() => state);
  setCurrentDetails(detailsOf(held.state));
}
