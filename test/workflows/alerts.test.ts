import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TROUBLES } from '../../definitions/alertLimits.ts';
import type { Trouble } from '../../definitions/alertLimits.ts';
import { SyncDefinition } from '../../definitions/sync.ts';
import type { Alert, ScheduleView } from '../../workflows/alertMessages.ts';
import { afterLook, lateAtMs, withAlerts, withoutOutgoing } from '../../workflows/alerts.ts';
import type { FinishRunRequest, SyncState } from '../../workflows/messages.ts';
import { beginRun, finishRun, newSync } from '../../workflows/syncState.ts';

/* What is told of a sync, from state to state. Its runs are due every hour. */

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function fresh(alerts: object = {}): SyncState {
  const fields = {
    name: 'people',
    integration: 'shop',
    type: 'identify',
    every: '1 hour',
    query: 'SELECT 1',
  };
  const definition = SyncDefinition.parse({ ...fields, alerts });
  return newSync({ definition, nowMs: NOW_MS, storage: { id: 'here', location: '/here' }, quietUntilMs: 0 });
}

const momentAt = (nowMs: number) => ({ nowMs, newId: () => `id-${nowMs}` });

/** The Schedule's next runs: on the hour. */
function dueAt(ms: number) {
  const atMs = (Math.floor(ms / HOUR_MS) + 1) * HOUR_MS;
  return { atMs, nextMs: atMs + HOUR_MS };
}

function begun(
  state: SyncState,
  run: string,
  ms: number,
  due: ReturnType<typeof dueAt> | null = dueAt(ms),
): SyncState {
  const startedAt = new Date(ms).toISOString();
  const request = {
    run,
    startedAt,
    trigger: 'schedule',
    skippedBefore: 0,
    upToDate: true,
    holder: null,
  } as const;
  const transition = beginRun(state, { ...request, quietMs: 1_000 }, ms);
  return withAlerts(state, transition, { due, ...momentAt(ms) }).state ?? state;
}

interface Ending extends Partial<FinishRunRequest> {
  readonly due?: ReturnType<typeof dueAt> | null;
}

function ended(
  state: SyncState,
  run: string,
  ms: number,
  { due = dueAt(ms), ...fields }: Ending = {},
): SyncState {
  const result = {
    run,
    outcome: 'succeeded',
    endedAt: new Date(ms).toISOString(),
    until: ms,
    rows: 0,
  } as const;
  const rest = { delivered: 0, failed: 0, skippedAfter: 0, errorCode: null, error: null, warnings: [] };
  const transition = finishRun(state, { ...result, ...rest, ...fields }, ms);
  return withAlerts(state, transition, { due, ...momentAt(ms) }).state ?? state;
}

const ran = (state: SyncState, run: string, ms: number, ending?: Ending) =>
  ended(begun(state, run, ms), run, ms + 1_000, ending);

const eventsOf = (state: SyncState) => state.alerts?.outgoing.map(({ event }) => event) ?? [];

const VIEW: ScheduleView = { enabled: true, isRunning: false, lastStartedForMs: null, due: dueAt(NOW_MS) };
const look = (state: SyncState, ms: number, view: Partial<ScheduleView> = {}) =>
  afterLook(state, { ...VIEW, due: dueAt(ms), ...view }, momentAt(ms));

test('a run that is still under way once the next one is due is late, a moment later, and not before', () => {
  const running = begun(fresh(), 'a', NOW_MS);
  const atMs = lateAtMs(running) ?? 0;
  expect(atMs - NOW_MS).toBe(HOUR_MS + 5_000);
  expect(eventsOf(look(running, atMs - 1))).toEqual([]);
  const late = look(running, atMs);
  expect(eventsOf(late)).toEqual(['late']);
  expect(late.alerts?.outgoing[0]).toMatchObject({
    run: { run: 'a', outcome: 'running' },
    since: '2027-01-15T08:00:00.000Z',
  });
  // A run that was terminated tells its sync nothing either.
  expect(late.alerts?.outgoing[0]?.text).toBe(
    'The sync people is late: its run since 2027-01-15 08:00:00Z was to be done by 2027-01-15 09:00:05Z and has not said that it is over: it is under way, or was terminated.',
  );
  // It is told once.
  expect(lateAtMs(late)).toBeNull();
});

test('a sync whose runs all overrun is told late once, and recovers with the first that skips no interval', () => {
  let state = begun(fresh(), 'a', NOW_MS);
  state = look(state, lateAtMs(state) ?? 0);
  state = ended(state, 'a', NOW_MS + 1.5 * HOUR_MS, { skippedAfter: 1 });
  expect(lateAtMs(state)).toBeNull();
  state = begun(state, 'b', NOW_MS + 2 * HOUR_MS);
  state = ended(state, 'b', NOW_MS + 3.5 * HOUR_MS, { skippedAfter: 1 });
  expect(eventsOf(state)).toEqual(['late']);
  state = ran(state, 'c', NOW_MS + 4 * HOUR_MS);
  expect(eventsOf(state)).toEqual(['late', 'recovered']);
});

test('a run that was due and did not begin is late, whether it waits for something or its Schedule is gone', () => {
  const idle = ran(fresh(), 'a', NOW_MS);
  const atMs = lateAtMs(idle) ?? 0;
  const [stuck] = look(idle, atMs, { isRunning: true }).alerts?.outgoing ?? [];
  expect(stuck).toMatchObject({ event: 'late', run: null });
  expect(stuck?.text).toMatch(/a run was due at 2027-01-15 09:00:00Z .*; it has started and not begun/);
  const [gone] = look(idle, atMs, { enabled: null, due: null }).alerts?.outgoing ?? [];
  expect(gone?.text).toMatch(/since its Schedule was deleted elsewhere/);
});

test('a sync that is disabled is not late, nor is one that was while its run was due', () => {
  const idle = ran(fresh(), 'a', NOW_MS);
  const atMs = lateAtMs(idle) ?? 0;
  const disabled = look(idle, atMs, { enabled: false, due: null });
  expect([eventsOf(disabled), lateAtMs(disabled)]).toEqual([[], null]);

  // It was enabled again a moment before: nothing started, and nothing had to.
  const enabledAgain = look(idle, atMs);
  expect(eventsOf(enabledAgain)).toEqual([]);
  const nextMs = lateAtMs(enabledAgain) ?? 0;
  expect(nextMs).toBeGreaterThan(atMs);
  // Where nothing starts the next time either, it is late.
  expect(eventsOf(look(enabledAgain, nextMs))).toEqual(['late']);
  expect(eventsOf(ran(enabledAgain, 'b', atMs + MINUTE_MS))).toEqual([]);
});

test('a sync that is disabled when its run ends is not looked at until it runs again', () => {
  const disabled = ran(fresh(), 'a', NOW_MS, { due: null });
  expect(lateAtMs(disabled)).toBeNull();
  const byHand = begun(disabled, 'b', NOW_MS + HOUR_MS, null);
  expect(lateAtMs(byHand)).toBeNull();
  expect(lateAtMs(begun(disabled, 'b', NOW_MS + HOUR_MS))).not.toBeNull();
});

test('time that a sync allows counts from when a run is due, and from when it begins where it ends', () => {
  const idle = ran(fresh({ lateAfter: '10 minutes' }), 'a', NOW_MS);
  const dueMs = dueAt(NOW_MS).atMs;
  expect(lateAtMs(idle)).toBe(dueMs + 10 * MINUTE_MS);
  // Workers were away; once they are back its run is done in time.
  const late = look(idle, dueMs + HOUR_MS, { isRunning: true });
  expect(eventsOf(ran(late, 'b', dueMs + HOUR_MS))).toEqual(['late', 'recovered']);
});

test('what is over together is told together, with the moment when it began', () => {
  let state = ran(fresh(), 'a', NOW_MS, { rows: 10, delivered: 5, failed: 5 });
  state = ran(state, 'b', NOW_MS + HOUR_MS, { outcome: 'failed', errorCode: 'query_failed', error: 'No.' });
  state = ran(state, 'c', NOW_MS + 2 * HOUR_MS, { rows: 10, delivered: 10 });
  expect(eventsOf(state)).toEqual(['failed_rows', 'failing', 'recovered']);
  expect(state.alerts?.outgoing[2]).toMatchObject({
    recoveredFrom: ['failed_rows', 'failing'],
    since: new Date(NOW_MS + 1_000).toISOString(),
  });
});

test('a run without rows says nothing of the share of failed ones', () => {
  const bad = ran(fresh(), 'a', NOW_MS, { rows: 10, delivered: 0, failed: 10 });
  expect(eventsOf(ran(bad, 'b', NOW_MS + HOUR_MS))).toEqual(['failed_rows']);
});

test('a run that was lost fails its sync once another one finds it gone', () => {
  const running = begun(fresh(), 'a', NOW_MS);
  const request = { run: 'b', startedAt: '', trigger: 'schedule', skippedBefore: 0, upToDate: true } as const;
  const holder = { run: 'a', state: 'gone' } as const;
  const transition = beginRun(running, { ...request, holder, quietMs: 1_000 }, NOW_MS + HOUR_MS);
  const { state } = withAlerts(running, transition, { due: null, ...momentAt(NOW_MS + HOUR_MS) });
  expect(state?.alerts?.outgoing).toMatchObject([
    { event: 'failing', run: { run: 'a', errorCode: 'run_lost' } },
  ]);
});

test('a run that sends failed rows again says nothing of its sync', () => {
  const bad = ran(fresh(), 'a', NOW_MS, { rows: 10, delivered: 5, failed: 5 });
  const original = bad.imports.at(-1) ?? null;
  const [ms, due] = [NOW_MS + MINUTE_MS, dueAt(NOW_MS)];
  const startedAt = new Date(ms).toISOString();
  const request = { run: 'b', startedAt, trigger: 'retry', skippedBefore: 0, upToDate: true } as const;
  const retry = { of: 'a', code: null };
  const transition = beginRun(bad, { ...request, retry, holder: null, quietMs: 1_000 }, ms, original);
  const begunRetry = withAlerts(bad, transition, { due, ...momentAt(ms) }).state ?? bad;
  expect(begunRetry.lease?.record.trigger).toBe('retry');
  expect(begunRetry.alerts).toEqual(bad.alerts);
  const [late] = look(begunRetry, lateAtMs(begunRetry) ?? 0).alerts?.outgoing.slice(-1) ?? [];
  expect(late?.text).toMatch(
    /^The sync people is late: a run was due at 2027-01-15 09:00:00Z and was to be done by .*Z; the run b, which sends failed rows again since /,
  );
  const good = ended(begunRetry, 'b', ms, { rows: 5, delivered: 5 });
  expect(good.alerts).toEqual(bad.alerts);
  const failed = ended(begunRetry, 'b', ms, { outcome: 'failed', errorCode: 'gave_up', error: 'No.' });
  expect(failed.alerts).toEqual(bad.alerts);
});

test('an alert that comes while the most that wait are handed over is not lost', () => {
  const turn = (state: SyncState, index: number) =>
    ran(state, `run-${index}`, NOW_MS + index * HOUR_MS, {
      ...(index % 2 === 0 ? { outcome: 'failed', errorCode: 'query_failed', error: 'No.' } : {}),
    });
  let state = fresh();
  for (let index = 0; index < 30; index += 1) state = turn(state, index);
  const handedOver = state.alerts?.outgoing ?? [];
  expect(handedOver).toHaveLength(20);
  state = turn(state, 30);
  expect(eventsOf(withoutOutgoing(state, handedOver))).toEqual(['failing']);
});

const OUTCOMES = ['succeeded', 'succeeded_with_errors', 'failed', 'cancelled'] as const;

test('whatever becomes of runs, each trouble is told when it begins and when it is over, in turn', () => {
  const run = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    failed: fc.integer({ min: 0, max: 10 }),
    isLate: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 15 }), (runs) => {
      let state = fresh();
      const told: Alert[] = [];
      for (const [index, { outcome, failed, isLate }] of runs.entries()) {
        const ms = NOW_MS + index * 3 * HOUR_MS;
        state = begun(state, `run-${index}`, ms);
        if (isLate) state = look(state, Math.max(ms, lateAtMs(state) ?? 0));
        const counts = { rows: 10, delivered: 10 - failed, failed, skippedAfter: isLate ? 1 : 0 };
        state = ended(state, `run-${index}`, ms + HOUR_MS, { outcome, ...counts });
        const outgoing = state.alerts?.outgoing ?? [];
        told.push(...outgoing);
        state = withoutOutgoing(state, outgoing);
      }
      const isIn = new Set<Trouble>();
      for (const { event, recoveredFrom } of told) {
        if (event === 'recovered') {
          expect(recoveredFrom.length).toBeGreaterThan(0);
          for (const trouble of recoveredFrom) expect(isIn.delete(trouble)).toBe(true);
        } else if (event !== 'test') {
          expect(isIn.has(event)).toBe(false);
          isIn.add(event);
        }
      }
      const troubles = TROUBLES.filter((trouble) => state.alerts?.troubles[trouble] !== undefined);
      expect([...isIn].sort()).toEqual([...troubles].sort());
      const last = runs.findLast(({ outcome }) => outcome !== 'cancelled');
      expect(isIn.has('failing')).toBe(last?.outcome === 'failed');
    }),
  );
});
