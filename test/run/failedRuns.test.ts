import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What a run leaves behind that did not get to its end, and what its repeat sends. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people AS SELECT 'u' || n AS id, repeat('x', 1000) AS note FROM generate_series(1, 3000) n;
    INSERT INTO people SELECT 'twin', 'the same' FROM generate_series(1, 2);
  `);
});
afterAll(() => engine[Symbol.asyncDispose]());

const ROWS = 3_002;
const QUERY = `SELECT id AS "userId", note FROM people`;
const idsOf = (calls: readonly Record<string, unknown>[]) => calls.map(({ messageId }) => messageId);

test('a run that fails half-way leaves last_sync_time alone, and its repeat sends the same messageIds', async () => {
  const name = await engine.sync({ query: QUERY, name: 'failing' });
  engine.receiver.misbehave(
    { kind: 'slow', ms: 10, times: 3 },
    { kind: 'answer', status: 401, body: 'no entry for $AUTHORIZATION' },
  );
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'destination_refused', since: 0 });
  expect(failed.error).toContain('Check its write key');
  expect(failed.error).toContain('Basic [secret]');
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
  const partly = engine.receiver.log.stats();
  expect(partly.distinct).toBeGreaterThan(0);
  expect(partly.distinct).toBeLessThan(ROWS);
  const sentBefore = idsOf(engine.receiver.log.calls);

  engine.receiver.misbehave();
  const repeated = await engine.run(name);
  expect(repeated).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, since: 0 });
  const { calls, violations } = engine.receiver.log;
  expect(calls).toHaveLength(ROWS);
  expect(violations).toEqual([]);
  expect(idsOf(calls)).toEqual(expect.arrayContaining(sentBefore));
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(repeated.until);

  const again = await engine.run(name);
  expect(again).toMatchObject({ outcome: 'succeeded', delivered: ROWS, since: repeated.until });
  expect(engine.receiver.log.calls).toHaveLength(ROWS * 2);
});

test('two identical rows arrive as two calls', () => {
  const twins = engine.receiver.log.calls.slice(0, ROWS).filter(({ userId }) => userId === 'twin');
  expect(twins).toHaveLength(2);
  expect(twins[0]?.['messageId']).not.toBe(twins[1]?.['messageId']);
});

test('a cancelled run stops, says how many calls had gone, and its window repeats with the same messageIds', async () => {
  const name = await engine.sync({ query: QUERY, name: 'cancelled' });
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_500 });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.log.calls.length > before);
  await engine.cancel(run);
  const cancelled = await engine.rowcast.imports.wait(run);
  engine.receiver.misbehave();
  expect(cancelled).toMatchObject({ outcome: 'cancelled', errorCode: 'cancelled' });
  expect(cancelled.delivered).toBeLessThan(ROWS);
  expect(cancelled.error).toMatch(/\d+ calls had gone out by then/);
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
  await sleep(1_600); // What was in flight arrives before the count.

  const repeated = await engine.run(name);
  expect(repeated).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS });
  expect(engine.receiver.log.calls).toHaveLength(before + ROWS);
  expect(engine.receiver.log.violations).toEqual([]);
});

test('a run that is cancelled while its delivery rests says how many calls had gone before', async () => {
  // One person's calls share a lane, so that nothing else is under way when it has to rest.
  const query = `SELECT 'one' AS "userId", note FROM people`;
  const name = await engine.sync({ query, name: 'resting' });
  const before = engine.receiver.log.calls.length;
  const resting = {
    kind: 'answer',
    status: 503,
    headers: { 'retry-after': '600' },
    body: 'resting',
  } as const;
  engine.receiver.misbehave({ kind: 'slow', ms: 10, times: 3 }, resting);
  const { run } = await engine.rowcast.syncs.run(name);
  for await (const { trouble, delivered } of engine.rowcast.imports.watch(run)) {
    if (trouble?.startsWith('The destination') !== true) continue;
    expect(trouble).toContain('HTTP 503: resting');
    expect(delivered).toBe(engine.receiver.log.calls.length - before);
    break;
  }
  await engine.cancel(run);
  const cancelled = await engine.rowcast.imports.wait(run);
  engine.receiver.misbehave();
  const gone = engine.receiver.log.calls.length - before;
  expect(gone).toBeGreaterThan(0);
  expect(cancelled).toMatchObject({ outcome: 'cancelled', delivered: gone });
  expect(cancelled.error).toBe(`The run was cancelled. At least ${gone} calls had gone out by then.`);
});

test('a run that is cancelled while it reads stops the statement on the server', async () => {
  const name = await engine.sync({
    query: `SELECT id AS "userId", pg_sleep(0.01)::text AS s FROM people`,
    name: 'reading',
  });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(async () => (await statements()) > 0);
  await engine.cancel(run);
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'cancelled', delivered: 0 });
  await until(async () => (await statements()) === 0);
  const left = (await engine.filesLeft()).filter((file) => file.includes(name));
  expect(left.filter((file) => file.includes('chunks'))).toEqual([]);
});

/** The run in whose folder a file is; colons are left out of its name there. */
const runOf = (file: string) =>
  (file.split('/')[2] ?? '').replace('=', '~').replace(/T(\d\d)(\d\d)(\d\d)Z/, 'T$1:$2:$3Z');

test('a run that was terminated is recorded as failed, and the next one repeats its window', async () => {
  const name = await engine.sync({ query: QUERY, name: 'terminated' });
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.log.calls.length > before);
  await engine.terminate(run);
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.get(run)).toMatchObject({ outcome: 'failed', errorCode: 'run_lost' });

  const next = await engine.run(name);
  expect(next).toMatchObject({ outcome: 'succeeded', delivered: ROWS, since: 0 });
  const recorded = await Array.fromAsync(engine.rowcast.imports.list(name));
  expect(recorded.map(({ outcome }) => outcome)).toEqual(['succeeded', 'failed']);
  // What the lost run had staged is people's data, and goes with the next run.
  const left = (await engine.filesLeft()).filter((file) => file.includes(name));
  expect(left.filter((file) => file.includes('chunk'))).toEqual([]);
  expect(left.filter((file) => file.endsWith('manifest.json')).map(runOf)).toEqual([next.run]);
  expect(engine.receiver.log.calls).toHaveLength(before + ROWS);
  expect(engine.receiver.log.violations).toEqual([]);
});

test('what a terminated run had staged goes with the next run, though that one finds no rows', async () => {
  await engine.sql.query(`CREATE TABLE briefly AS SELECT * FROM people`);
  const name = await engine.sync({ query: `SELECT id AS "userId", note FROM briefly`, name: 'left' });
  const left = async () => (await engine.filesLeft()).filter((file) => file.includes(`${name}/`));
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.log.calls.length > before);
  await engine.terminate(run);
  engine.receiver.misbehave();
  expect(await left()).not.toEqual([]);

  await engine.sql.query('TRUNCATE briefly');
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', rows: 0 });
  expect(await left()).toEqual([]);
});

test('a run that is cancelled while its worker is dead is recorded as cancelled', async () => {
  const name = await engine.sync({ query: QUERY, name: 'orphaned' });
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_500 });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.log.calls.length > before);
  await engine.killWorker();
  engine.receiver.misbehave();
  await engine.cancel(run);
  engine.startWorker();
  const cancelled = await engine.rowcast.imports.wait(run);
  expect(cancelled).toMatchObject({ outcome: 'cancelled', errorCode: 'cancelled' });
  // Nobody knows what the dead worker still got across, nor that it is dead: it might only be cut off.
  expect(cancelled.error).toMatch(/^The run was cancelled\. At least \d+ calls had gone out by then\.$/);
  // So its requests have time to end before anything of the next run is sent.
  const next = await engine.run(name);
  expect(next).toMatchObject({ outcome: 'succeeded', delivered: ROWS, since: 0 });
  const quietMs = (next.until ?? 0) * 1_000 - Date.parse(cancelled.endedAt ?? '');
  expect(quietMs).toBeGreaterThan(3_000 + 3_000);
});

async function statements(): Promise<number> {
  const { rows } = await engine.sql.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1`,
    [engine.database],
  );
  return rows[0]?.n ?? 0;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}
