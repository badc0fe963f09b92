import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RUN_ARGUMENTS_VERSION } from '../../workflows/messages.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* How often a sync runs, and what other tools do to its Schedule. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const QUERY = 'SELECT 1 AS "userId", {{last_sync_time}} AS since';
const scheduleOf = (name: string) => engine.temporal.schedule.getHandle(scheduleId(name));

test('a new sync without startAt runs at once', async () => {
  const name = await engine.sync({ name: 'at-once', query: QUERY }, true);
  let imports = await Array.fromAsync(engine.rowcast.imports.list(name));
  while (imports.length === 0) {
    await sleep(100);
    imports = await Array.fromAsync(engine.rowcast.imports.list(name));
  }
  expect(await engine.rowcast.imports.wait(imports[0]?.run ?? '')).toMatchObject({
    outcome: 'succeeded',
    since: 0,
  });
});

test('a sync with a later startAt waits for it, and counts its intervals from it', async () => {
  const startAt = new Date(Date.now() + 3 * 86_400_000 + 5_000);
  startAt.setMilliseconds(0);
  const name = await engine.sync(
    { name: 'later', query: QUERY, every: '2 hours', startAt: startAt.toISOString() },
    true,
  );
  const { info } = await scheduleOf(name).describe();
  expect(info.nextActionTimes[0]?.toISOString()).toBe(startAt.toISOString());
  expect(info.nextActionTimes[1]?.getTime()).toBe(startAt.getTime() + 7_200_000);
  expect(info.numActionsTaken).toBe(0);
});

test('a startAt in the past is refused when the sync is new, and nothing is left behind', async () => {
  const startAt = '2020-01-01T00:00:00Z';
  await expect(engine.sync({ name: 'past', query: QUERY, startAt }, true)).rejects.toThrow(
    /startAt of the sync past-.* is 2020-01-01T00:00:00Z, which is past/,
  );
  const names = (await Array.fromAsync(engine.rowcast.syncs.list())).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('past'))).toEqual([]);
});

test("a cron keeps the user's words, in its time zone", async () => {
  const name = await engine.sync(
    { name: 'cron', query: QUERY, every: undefined, cron: '30 6 * * MON', timezone: 'Europe/Berlin' },
    true,
  );
  const listing = await engine.rowcast.syncs.listing(name);
  expect(listing).toMatchObject({ every: null, cron: '30 6 * * MON', enabled: true });
  const next = new Date(listing.nextRunAt ?? '');
  expect(
    next.toLocaleString('en-GB', {
      timeZone: 'Europe/Berlin',
      weekday: 'short',
      timeStyle: undefined,
      hour: '2-digit',
      minute: '2-digit',
    }),
  ).toBe('Mon 06:30');
});

test('a disabled sync does not run, and enabling it leaves last_sync_time where it was', async () => {
  const name = await engine.sync({ name: 'paused', query: QUERY });
  const first = await engine.run(name);
  await engine.rowcast.syncs.disable(name);
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ enabled: false, nextRunAt: null });
  await engine.rowcast.syncs.enable(name);
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({
    enabled: true,
    lastSyncTime: first.until,
    lastOutcome: 'succeeded',
  });
});

test('a sync makes up for at most one interval that was missed', async () => {
  const name = await engine.sync({ name: 'outage', query: QUERY, every: '1 minute' });
  const { policies } = await scheduleOf(name).describe();
  expect(policies.catchupWindow).toBe(60_000);
  expect(policies.overlap).toBe('SKIP');
});

test('a Schedule replaced by `temporal schedule update` still runs its sync, and is healed; what the user set stays', async () => {
  const name = await engine.sync({ name: 'replaced', query: QUERY, every: '1 hour' }, false);
  // What the Temporal CLI does: the whole Schedule is replaced, arguments and policies are gone.
  await scheduleOf(name).update(({ action, state }) => ({
    spec: { intervals: [{ every: '3 hours' }] },
    action: {
      type: 'startWorkflow',
      workflowType: action.workflowType,
      taskQueue: action.taskQueue,
      workflowId: 'anything',
    },
    policies: {},
    state: { ...state, note: 'changed by hand' },
  }));
  const ended = await engine.run(name);
  expect(ended).toMatchObject({ sync: name, outcome: 'succeeded', since: 0 });
  let described = await scheduleOf(name).describe();
  while (described.policies.catchupWindow > 10_800_000 || described.action.args === undefined) {
    await sleep(100);
    described = await scheduleOf(name).describe();
  }
  expect(described.action).toMatchObject({
    workflowId: `rowcast-run-${name}`,
    args: [{ version: RUN_ARGUMENTS_VERSION }],
  });
  expect(described.spec.intervals).toMatchObject([{ every: 10_800_000 }]);
  expect(described.state).toMatchObject({ paused: true, note: 'changed by hand' });
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ every: '3 hours' });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: ended.until });

  const { definition } = await engine.rowcast.syncs.get(name);
  const { notices } = await engine.rowcast.syncs.update(definition);
  expect(notices.join()).toMatch(/had been changed elsewhere, to 3 hours; the definition wins/);
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ every: '1 hour' });
});

test('a Schedule that was deleted elsewhere is shown, not created again, until the sync is applied', async () => {
  const name = await engine.sync({ name: 'deleted', query: QUERY });
  await scheduleOf(name).delete();
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ enabled: null, nextRunAt: null });
  await expect(engine.rowcast.syncs.enable(name)).rejects.toThrow(
    /deleted elsewhere; `rowcast apply` creates it/,
  );
  await expect(engine.rowcast.syncs.run(name)).rejects.toThrow(
    /deleted elsewhere; `rowcast apply` creates it/,
  );
  const { definition } = await engine.rowcast.syncs.get(name);
  const { notices } = await engine.rowcast.syncs.update(definition, { enabled: false });
  expect(notices.join()).toMatch(/it is created again/);
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded' });
});
