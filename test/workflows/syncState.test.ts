import { expect, test } from 'vitest';
import { SyncDefinition } from '../../definitions/sync.ts';
import { heldImports } from '../../workflows/archive.ts';
import type { ImportRecord } from '../../workflows/contract.ts';
import type { BeginRunRequest, FinishRunRequest, SyncState } from '../../workflows/messages.ts';
import { beginRun, finishRun, newSync, resetSync, tombstoneOf } from '../../workflows/syncState.ts';

/* Messages that reach a sync in an order that nobody meant. */

const NOW_MS = 1_800_000_000_000;

const fresh = newSync({
  definition: SyncDefinition.parse({
    name: 'people',
    integration: 'shop',
    type: 'identify',
    every: '1 hour',
    query: 'SELECT 1',
  }),
  nowMs: NOW_MS,
  storage: { id: 'here', location: '/here' },
  quietUntilMs: 0,
});

const asking = (run: string): BeginRunRequest => ({
  run,
  startedAt: '2027-01-15T08:00:00.000Z',
  trigger: 'manual',
  skippedBefore: 0,
  upToDate: true,
  holder: null,
  quietMs: 1_000,
});

const ending = (run: string, outcome: FinishRunRequest['outcome']): FinishRunRequest => ({
  run,
  outcome,
  endedAt: '2027-01-15T08:01:00.000Z',
  until: NOW_MS / 1_000,
  rows: 0,
  delivered: 0,
  failed: 0,
  skippedAfter: 0,
  errorCode: null,
  error: null,
  warnings: [],
  beginning: asking(run),
});

const after = (before: SyncState, { state }: { state: SyncState | null }) => state ?? before;

test('a run that was cancelled before it was heard does not get the lease when its question comes late', () => {
  const cancelled = after(fresh, finishRun(fresh, ending('a', 'cancelled'), NOW_MS));
  const { state, answer } = beginRun(cancelled, asking('a'), NOW_MS);
  expect(answer).toEqual({ kind: 'ended' });
  expect(state).toBeNull();
});

test('a run that covered its window does not get the next one when its question is heard again', () => {
  const begun = after(fresh, beginRun(fresh, asking('a'), NOW_MS));
  const covered = after(begun, finishRun(begun, ending('a', 'succeeded'), NOW_MS));
  expect(covered.lastSyncTime).toBe(NOW_MS / 1_000);
  expect(beginRun(covered, asking('a'), NOW_MS).answer).toEqual({ kind: 'ended' });
  expect(beginRun(covered, asking('b'), NOW_MS).answer).toMatchObject({
    kind: 'granted',
    grant: { since: NOW_MS / 1_000 },
  });
});

test('a run that was skipped stays so when it asks again, though the lease is free by then', () => {
  const begun = after(fresh, beginRun(fresh, asking('a'), NOW_MS));
  const running = { ...asking('b'), holder: { run: 'a', state: 'running' } } as const;
  const skipped = after(begun, beginRun(begun, running, NOW_MS));
  expect(skipped.imports).toMatchObject([{ run: 'b', outcome: 'skipped' }]);
  const free = after(skipped, finishRun(skipped, ending('a', 'succeeded'), NOW_MS));
  const { state, answer } = beginRun(free, asking('b'), NOW_MS);
  expect(answer).toEqual({ kind: 'skipped', holder: null });
  expect(state).toBeNull();
});

test('a run that lost its lease moves nothing when it hands back its result after all', () => {
  const begun = after(fresh, beginRun(fresh, asking('a'), NOW_MS));
  const gone = { ...asking('b'), holder: { run: 'a', state: 'gone' } } as const;
  const evicted = after(begun, beginRun(begun, gone, NOW_MS));
  const next = after(evicted, beginRun(evicted, asking('b'), NOW_MS + 1_000));
  expect(next.lease?.record.run).toBe('b');
  expect(next.window).toEqual(begun.window);
  const { state, answer } = finishRun(next, ending('a', 'succeeded'), NOW_MS);
  expect(state).toBeNull();
  expect(answer).toMatchObject({ run: 'a', outcome: 'failed', errorCode: 'run_lost' });
});

test('a sync that is deleted before its run has ended leaves time for what the worker of that run may still send', () => {
  expect(tombstoneOf(fresh, NOW_MS)).toMatchObject({ quietUntilMs: 0 });
  const begun = after(fresh, beginRun(fresh, { ...asking('a'), quietMs: 900_000 }, NOW_MS));
  expect(tombstoneOf(begun, NOW_MS)).toMatchObject({ quietUntilMs: NOW_MS + 900_000 });
});

test('after a run whose delivery was not heard to end, the next one waits for what may still be on its way', () => {
  const begun = after(fresh, beginRun(fresh, { ...asking('a'), quietMs: 900_000 }, NOW_MS));
  const heard = after(begun, finishRun(begun, ending('a', 'cancelled'), NOW_MS));
  expect(beginRun(heard, asking('b'), NOW_MS + 1_000).answer.kind).toBe('granted');
  const unheard = after(begun, finishRun(begun, { ...ending('a', 'cancelled'), unheard: true }, NOW_MS));
  expect(beginRun(unheard, asking('b'), NOW_MS + 1_000).answer).toEqual({ kind: 'wait', ms: 899_000 });
  expect(beginRun(unheard, asking('b'), NOW_MS + 900_000).answer.kind).toBe('granted');
});

test('a failed window that is reset, twice even, does not come back, and no run of before moves anything', () => {
  const begun = after(fresh, beginRun(fresh, asking('a'), NOW_MS));
  const failed = after(begun, finishRun(begun, ending('a', 'failed'), NOW_MS));
  const again = after(failed, beginRun(failed, asking('b'), NOW_MS + 1_000));
  expect(again.window).toEqual(begun.window);
  const once = after(again, resetSync(again, { to: 5 }));
  const twice = after(once, resetSync(once, { to: 0 }));
  const ended = after(twice, finishRun(twice, ending('b', 'succeeded'), NOW_MS));
  expect(ended).toMatchObject({ lastSyncTime: 0, window: null, lease: null });
  const anew = after(ended, beginRun(ended, asking('c'), NOW_MS + 2_000));
  expect(anew.window?.id).not.toBe(begun.window?.id);
  expect(anew.lease?.grant.since).toBe(0);
});

test('a run that was retried is held once, as it is now, though its retry pushed it out of the newest hundred', () => {
  const endedAs = (state: SyncState, run: string, result: Partial<FinishRunRequest>) =>
    after(state, finishRun(state, { ...ending(run, 'succeeded_with_errors'), ...result }, NOW_MS));
  const begun = (state: SyncState, request: BeginRunRequest, original?: ImportRecord) =>
    after(state, beginRun(state, request, NOW_MS, original ?? null));
  let state = endedAs(begun(fresh, asking('first')), 'first', { rows: 9, delivered: 4, failed: 5 });
  for (let run = 2; run <= 100; run += 1) {
    state = endedAs(begun(state, asking(`run-${run}`)), `run-${run}`, { rows: 1, failed: 1 });
  }
  const [original] = state.imports;
  const retry = { ...asking('retry'), trigger: 'retry', retry: { of: 'first', code: null } } as const;
  const { lastSyncTime, window } = state;
  state = endedAs(begun(state, retry, original), 'retry', { rows: 5, delivered: 5, until: null });
  expect(state).toMatchObject({ lastSyncTime, window });
  const held = heldImports(state);
  expect(held).toHaveLength(101);
  expect(held.filter(({ run }) => run === 'first')).toMatchObject([
    { outcome: 'succeeded', delivered: 9, failed: 0, retried: { by: 'retry', times: 1 } },
  ]);
});
