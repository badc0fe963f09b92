import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { until } from '../until.ts';
import { scheduleId, syncWorkflowId } from '../../workflows/contract.ts';

/* What an operator does to a sync over its years: change it, reset it, stop it, delete it. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ env: { ROWCAST_PAGE_ROWS: '200', ROWCAST_SMALL_RUN_ROWS: '100' } });
});
afterAll(() => engine[Symbol.asyncDispose]());
afterEach(() => engine.receiver.misbehave());

const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
const THREE = 'SELECT n AS "userId", {{last_sync_time}} AS since FROM generate_series(1, 3) n';
/** Reads for minutes, unless it is stopped. */
const SLOW = `SELECT n AS "userId", pg_sleep(0.05)::text AS slept FROM generate_series(1, 5000) n`;
/** Of its calls few fit into one request, so that a slow destination takes a minute for them, however slow the machine. */
const MANY = `SELECT n AS "userId", repeat('x', 1000) AS note FROM generate_series(1, 4000) n`;
const MANY_REQUESTS = { kind: 'http', batchBytesMax: 40_000, requestsPerSecond: 1_000 };

const callsOf = (since: number) =>
  engine.receiver.log.calls.filter(({ traits }) => (traits as { since?: number }).since === since);

/** Statements of the worker that run on the server now. */
async function statements(): Promise<number> {
  const { rows } = await engine.sql.query(
    `SELECT 1 FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%'`,
  );
  return rows.length;
}

/** Starts a run that delivers, and waits until some of its calls have gone. */
async function runHalfway(name: string): Promise<string> {
  engine.receiver.misbehave({ kind: 'slow', ms: 1_500 });
  // Not calls: those of a run that was terminated may all have come before, and count once.
  const before = engine.receiver.requests;
  const { run } = await engine.rowcast.syncs.run(name);
  // One more than there are lanes: one of them has its answer.
  await until(() => engine.receiver.requests > before + 4);
  return run;
}

test('a field of a sync is changed by the command, and the others stay as they are', async () => {
  const name = await engine.sync({ name: 'changed', query: THREE, title: 'Before', lookback: '5 minutes' });
  const before = await engine.rowcast.syncs.get(name);
  const { code, stdout } = await rowcast('sync', 'update', name, '--title', 'After', '--cron', '0 6 * * *');
  expect(stdout).toBe(`${name}: changed cron, every, title; it is at revision ${before.revision + 1}.\n`);
  expect(code).toBe(0);
  const { definition } = await engine.rowcast.syncs.get(name);
  expect(definition).toEqual({ ...before.definition, every: undefined, title: 'After', cron: '0 6 * * *' });

  const back = await rowcast('sync', 'update', name, '--every', '2 hours', '--title', 'After');
  expect(back.stdout).toBe(`${name}: changed cron, every; it is at revision ${before.revision + 2}.\n`);
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ every: '2 hours', cron: null });
  expect((await rowcast('sync', 'update', name, '--every', '2 hours')).stdout).toBe(
    `${name} is so already.\n`,
  );
});

test('a change that is wrong is refused with its field, and one that says nothing is wrong usage', async () => {
  const name = await engine.sync({ name: 'refused', query: THREE });
  const wrong = await rowcast('sync', 'update', name, '--every', '5 seconds');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toMatch(/^The sync is not valid:\n {2}every: /);
  expect(await rowcast('sync', 'update', name)).toMatchObject({ code: 2, stdout: '' });
  expect((await rowcast('sync', 'update', 'nobody', '--title', 'x')).stderr).toMatch(
    /^There is no sync "nobody"/,
  );
  expect((await engine.rowcast.syncs.get(name)).revision).toBe(1);
});

test('after a reset the next run sends everything again under other messageIds', async () => {
  const name = await engine.sync({ name: 'again', query: THREE });
  const { until: first } = await engine.run(name);
  await sleep(1_100);
  const { stdout, code } = await rowcast('sync', 'reset', name);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^${name}: last_sync_time was ${first} \\(.*\\) and is 0 now\\.`));
  expect(stdout).toContain('The next run sends everything, under new messageIds.');
  const before = callsOf(0).length;
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: 0, delivered: 3 });
  // The receiver leaves out repeated messageIds.
  expect(callsOf(0).length).toBe(before + 3);
});

test('a reset to a time makes the next run begin there; one in the future is refused', async () => {
  const name = await engine.sync({ name: 'back', query: THREE });
  await engine.run(name);
  expect((await rowcast('sync', 'reset', name, '--to', '2026-01-31T06:00:00Z')).code).toBe(0);
  expect(await engine.run(name)).toMatchObject({ since: Date.parse('2026-01-31T06:00:00Z') / 1_000 });
  const { lastSyncTime } = await engine.rowcast.syncs.get(name);
  const future = await rowcast('sync', 'reset', name, '--to', '2099-01-01T00:00:00Z');
  expect(future).toMatchObject({ code: 1, stdout: '' });
  expect(future.stderr).toContain('not in the future');
  expect((await failureOf(engine.rowcast.syncs.reset(name, { to: 1.5 }))).code).toBe('definition_invalid');
  expect((await rowcast('sync', 'reset', 'nobody')).stderr).toMatch(/^There is no sync nobody/);
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(lastSyncTime);
});

test('a reset during a run is not undone by it', async () => {
  const name = await engine.sync({ name: 'meanwhile', query: MANY, destination: MANY_REQUESTS });
  const run = await runHalfway(name);
  const { running } = await engine.rowcast.syncs.reset(name, { to: 7 });
  expect(running?.run).toBe(run);
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', since: 0 });
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(7);
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: 7, delivered: 4_000 });
});

test('a sync that is disabled lets its run finish, and says so', async () => {
  const name = await engine.sync({ name: 'finishing', query: MANY, destination: MANY_REQUESTS }, true);
  await until(async () => (await engine.rowcast.syncs.get(name)).running === null);
  const run = await runHalfway(name);
  const { stdout } = await rowcast('sync', 'disable', name);
  expect(stdout).toBe(`${name} is disabled. The run under way goes on to its end: ${run}\n`);
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 4_000 });
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ enabled: false, nextRunAt: null });
});

test('a sync that is disabled with --now stops its run, and says how many calls had gone', async () => {
  const name = await engine.sync({ name: 'stopped', query: MANY, destination: MANY_REQUESTS });
  const run = await runHalfway(name);
  const { stdout, code } = await rowcast('sync', 'disable', name, '--now');
  expect(code).toBe(0);
  expect(stdout).toContain(`${name} is disabled.\n${name}: cancelled,`);
  const record = await engine.rowcast.imports.get(run);
  expect(record).toMatchObject({ outcome: 'cancelled', errorCode: 'cancelled', rows: 4_000 });
  expect(record.delivered).toBeGreaterThan(0);
  expect(record.error).toBe(`The run was cancelled. ${record.delivered} calls had gone out by then.`);
  expect(stdout).toContain(record.error);
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
});

test('a run that is cancelled while it reads stops its statement on the server, and keeps its window', async () => {
  const name = await engine.sync({ name: 'reading', query: SLOW });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(async () => (await statements()) === 1);
  const { stdout, code } = await rowcast('import', 'cancel', run);
  expect(code).toBe(0);
  expect(stdout).toContain('The run was cancelled. 0 calls had gone out by then.');
  expect(await statements()).toBe(0);
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastSyncTime: 0, running: null });

  const again = await rowcast('import', 'cancel', run);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toMatch(/^The run .* is not under way: it ended at .* as cancelled\.\n$/);
});

test('a sync that is deleted stops its run, and leaves neither Schedule nor files', async () => {
  const name = await engine.sync({ name: 'deleted', query: MANY, destination: MANY_REQUESTS }, true);
  await until(async () => (await engine.rowcast.syncs.get(name)).running === null);
  const run = await runHalfway(name);
  const { stdout, code } = await rowcast('sync', 'delete', name);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    new RegExp(`^${name} is deleted\\.\n  The run ${run} was cancelled: .*calls had gone out`),
  );
  expect(await engine.rowcast.syncs.find(name)).toBeNull();
  await expect(engine.temporal.schedule.getHandle(scheduleId(name)).describe()).rejects.toThrow(/not found/);
  expect((await engine.filesLeft()).filter((file) => file.includes(name))).toEqual([]);
  const requests = engine.receiver.requests;
  await sleep(1_500);
  expect(engine.receiver.requests).toBe(requests);
  const { status } = await engine.temporal.workflow.getHandle(syncWorkflowId(name)).describe();
  expect(status.name).toBe('COMPLETED');
  expect((await rowcast('sync', 'delete', name)).stderr).toMatch(new RegExp(`^There is no sync ${name}`));
});

test('the name of a deleted sync starts anew, from 0, only when it is applied', async () => {
  const name = await engine.sync({ name: 'reborn', query: THREE });
  await engine.run(name);
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.delete(name);
  expect((await failureOf(engine.rowcast.syncs.reset(name))).code).toBe('not_found');
  expect(await engine.rowcast.syncs.find(name)).toBeNull();

  const { change, revision, notices } = await engine.rowcast.syncs.update(definition, { enabled: false });
  expect({ change, revision }).toEqual({ change: 'created', revision: 1 });
  expect(notices.join()).toMatch(new RegExp(`^A sync ${name} was deleted at .*; this one starts anew`));
  expect(await Array.fromAsync(engine.rowcast.imports.list(name))).toEqual([]);
  const before = callsOf(0).length;
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: 0, delivered: 3 });
  expect(callsOf(0).length).toBe(before + 3);
});

test('a sync whose workflow was lost can be reset and deleted by its copy in storage', async () => {
  const name = await engine.sync({ name: 'lost', query: THREE });
  await engine.run(name);
  await engine.terminate(syncWorkflowId(name));
  expect(await engine.rowcast.syncs.reset(name, { to: 5 })).toMatchObject({ lastSyncTime: 5 });
  await engine.terminate(syncWorkflowId(name));
  await engine.rowcast.syncs.delete(name);
  await expect(engine.temporal.schedule.getHandle(scheduleId(name)).describe()).rejects.toThrow(/not found/);
});

test('a sync whose run was terminated is deleted without waiting for it', async () => {
  const name = await engine.sync({ name: 'orphan', query: MANY, destination: MANY_REQUESTS });
  const run = await runHalfway(name);
  await engine.terminate(run);
  // It is not said that the run was cancelled.
  expect(await engine.rowcast.syncs.delete(name)).toEqual({ notices: [] });
  expect(await engine.rowcast.syncs.find(name)).toBeNull();
});

test('what cannot be a name is not there, and nothing of others goes with it', async () => {
  const name = await engine.sync({ name: 'bystander', query: THREE });
  await engine.run(name);
  for (const odd of ['', '.', '..', `${name}/..`, 'People', "x' OR 'a' = 'a", 'ä', 'x'.repeat(2_000)]) {
    expect(await failureOf(engine.rowcast.syncs.delete(odd))).toMatchObject({ code: 'not_found' });
    expect(await failureOf(engine.rowcast.integrations.delete(odd))).toMatchObject({ code: 'not_found' });
  }
  expect(await rowcast('sync', 'delete', '')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'There is no sync ""; `rowcast sync list` shows those that exist.\n',
  });
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastImport: { outcome: 'succeeded' } });
});

test('two who delete a sync at once get the same answer, and no run begins meanwhile', async () => {
  const name = await engine.sync({ name: 'twice', query: MANY, destination: MANY_REQUESTS });
  const run = await runHalfway(name);
  const both = [engine.rowcast.syncs.delete(name), engine.rowcast.syncs.delete(name)];
  const [first, second] = await Promise.all(both);
  expect(first?.notices.join()).toContain(`The run ${run} was cancelled: `);
  expect(second).toEqual(first);
});

test('a deletion that broke off before its Schedule went is brought to its end by another one', async () => {
  const name = await engine.sync({ name: 'broken-off', query: THREE });
  const { spec, action } = await engine.temporal.schedule.getHandle(scheduleId(name)).describe();
  await engine.rowcast.syncs.delete(name);
  await engine.temporal.schedule.create({
    scheduleId: scheduleId(name),
    spec,
    action: { ...action, args: [] },
    state: { paused: true },
  });
  const { code, stdout } = await rowcast('sync', 'delete', name);
  expect(stdout).toMatch(/It was deleted at .* already; its Schedule had stayed, and is gone now\.\n$/);
  expect(code).toBe(0);
  await expect(engine.temporal.schedule.getHandle(scheduleId(name)).describe()).rejects.toThrow(/not found/);
  expect((await rowcast('sync', 'delete', name)).stderr).toMatch(/^There is no sync/);
});

test('a run that waits for its turn is stopped too, by its workflow id and by --now', async () => {
  const name = await engine.sync({ name: 'waiting', query: MANY, destination: MANY_REQUESTS });
  await engine.terminate(await runHalfway(name));
  engine.receiver.misbehave();
  const waiting = await engine.rowcast.syncs.run(name);
  expect(await engine.rowcast.imports.get(waiting.run)).toMatchObject({ outcome: 'running', rows: null });
  const [workflowId = ''] = waiting.run.split('~');
  const cancelled = await rowcast('import', 'cancel', workflowId);
  expect(cancelled.stdout).toContain(`${name}: cancelled,`);

  await engine.terminate(await runHalfway(name));
  const other = await engine.rowcast.syncs.run(name);
  const { stdout } = await rowcast('sync', 'disable', name, '--now');
  expect(stdout).toContain(`${name} is disabled.\n${name}: cancelled,`);
  expect(await engine.rowcast.imports.get(other.run)).toMatchObject({ outcome: 'cancelled' });
});

test('without a worker a sync is disabled all the same, and says so', async () => {
  const name = await engine.sync({ name: 'unattended', query: THREE }, true);
  const { code, stderr } = await runRowcast(
    { ...engine.env, ROWCAST_TASK_QUEUE: 'nobody' },
    ...['sync', 'disable', name],
  );
  expect(code).toBe(1);
  expect(stderr).toMatch(
    new RegExp(`^${name} is disabled, but whether a run is under way is not known: No worker is polling`),
  );
  expect(await engine.rowcast.syncs.listing(name)).toMatchObject({ enabled: false });
});
