import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What becomes of a run whose source fails it. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const rowcastBackends = async () => {
  const { rows } = await engine.sql.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1 AND backend_type = 'client backend'`,
    [engine.database],
  );
  return rows.map(({ pid }) => pid);
};

test('a run whose database connection is killed in mid-read goes on, and nothing is lost or sent twice', async () => {
  const name = await engine.sync({
    name: 'killed',
    query: `SELECT n AS "userId", CASE WHEN n % 1000 = 0 THEN pg_sleep(0.05)::text END AS slept FROM generate_series(1, 30000) n`,
  });
  const { run } = await engine.rowcast.syncs.run(name);
  for (let kills = 0; kills < 2; kills += 1) {
    let pids: number[] = [];
    while (pids.length === 0) {
      await sleep(50);
      pids = await rowcastBackends();
    }
    await sleep(400);
    for (const pid of pids) await engine.sql.query('SELECT pg_terminate_backend($1)', [pid]);
    while ((await rowcastBackends()).some((pid) => pids.includes(pid))) await sleep(20);
  }
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({
    outcome: 'succeeded',
    rows: 30_000,
    delivered: 30_000,
  });
  expect(engine.receiver.log.stats()).toMatchObject({ received: 30_000, distinct: 30_000, violations: [] });
});

test('a query that fails after half a million rows sends nothing, and its error shows what PostgreSQL said', async () => {
  const before = engine.receiver.requests;
  const name = await engine.sync({
    name: 'late',
    query: `SELECT n AS "userId", CASE WHEN n > 500000 THEN 1 / (n - n) END AS x FROM generate_series(1, 600000) n`,
  });
  const ended = await engine.run(name);
  expect(ended).toMatchObject({ outcome: 'failed', errorCode: 'query_failed', delivered: 0 });
  expect(ended.error).toContain('division by zero');
  expect(engine.receiver.requests).toBe(before);
  expect(await engine.filesLeft()).toEqual(expect.not.arrayContaining([expect.stringContaining('chunks')]));
});

test('a source that cannot be reached fails the run with one sentence, once its patience is over', async () => {
  const name = await engine.sync({
    ...{ name: 'away', query: 'SELECT 1 AS "userId"', source: { port: 1 }, test: false },
  });
  const ended = await engine.run(name);
  expect(ended).toMatchObject({ outcome: 'failed', errorCode: 'source_unreachable', rows: null });
  expect(ended.error).toMatch(/^The database server 127\.0\.0\.1:1 cannot be reached .*; check host, port/);
});
