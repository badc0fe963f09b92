import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailedRow, ImportRecord } from '../../client/index.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { until } from '../until.ts';
import { changeState } from './copiedState.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Failed rows that are sent again. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Forty rows: the destination will not take two, three are too large, two of them identical, two are nobody's. */
const QUERY = `
  SELECT CASE WHEN n IN (38, 39) THEN NULL WHEN n IN (20, 21) THEN 'twin' ELSE 'u' || n END AS "userId",
    CASE WHEN n BETWEEN 20 AND 22 THEN repeat('x', 2000) ELSE 'short' END AS note,
    CASE WHEN n IN (20, 21) THEN 0 ELSE n END AS number,
    '{"10": 12345678901234567890, "9": [1.50]}'::json AS exact,
    '2026-01-31 08:15:00.123456'::timestamp AS local, '\\x00ff'::bytea AS bytes, 0.10::numeric AS price,
    n > 20 AS late, {{last_sync_time}} AS since
  FROM generate_series(1, 40) n ORDER BY n`;

const STRICT = { limits: { valueBytesMax: 1_000 } };

async function badSync(word: string) {
  const name = await engine.sync({ name: word, query: QUERY, ...STRICT });
  const before = engine.receiver.log.stats();
  engine.receiver.misbehave({ kind: 'dislike', users: ['u7', 'u8'], words: 'not these' });
  const original = await engine.run(name);
  engine.receiver.misbehave();
  expect(original).toMatchObject({ outcome: 'succeeded_with_errors', rows: 40, delivered: 33, failed: 7 });
  return { name, original, before };
}

const errorsOf = ({ run }: Pick<ImportRecord, 'run'>) => Array.fromAsync(engine.rowcast.imports.errors(run));
const numbersOf = (rows: readonly FailedRow[]) => rows.map(({ row }) => row);
const retried = async (run: string, code?: string) =>
  engine.rowcast.imports.wait(
    (await engine.rowcast.imports.retry(run, code === undefined ? {} : { code })).run,
  );

test('failed rows are sent again, those of one fault or all, each once and under the id that it had, and the import of their run says what came of it', async () => {
  const { name, original, before } = await badSync('again');
  const { lastSyncTime } = await engine.rowcast.syncs.get(name);
  const refused = (await errorsOf(original)).filter(({ code }) => code === 'refused_by_destination');
  expect(numbersOf(refused)).toEqual([7, 8]);

  const args = ['import', 'retry', original.run.split('~')[0] ?? '', '--code', 'refused_by_destination'];
  const command = await runRowcast(engine.env, ...args, '--wait');
  expect(command.stderr).toBe('');
  expect(command.code).toBe(0);
  expect(command.stdout).toMatch(
    new RegExp(`^Started \\S+-retry~\\S+\n${name}: succeeded, 2 rows read, 2 delivered, 0 failed, took .*\n`),
  );
  expect(command.stdout).toContain(`\n  retry of ${args[2] ?? ''}\n`);
  const { messageId: idOfSeven } = refused[0]?.call ?? {};
  const sent = engine.receiver.log.calls.filter(({ messageId }) => messageId === idOfSeven);
  expect(sent).toMatchObject([{ userId: 'u7', traits: { number: 7, price: 0.1, bytes: 'AP8=' } }]);
  const half = await engine.rowcast.imports.get(original.run);
  expect(half).toMatchObject({ outcome: 'succeeded_with_errors', rows: 40, delivered: 35, failed: 5 });
  expect(half.retried).toMatchObject({ times: 1 });
  expect(numbersOf(await errorsOf(original))).toEqual([20, 21, 22, 38, 39]);

  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({ ...definition, limits: {} });
  const second = await retried(original.run);
  expect(second).toMatchObject({
    ...{
      outcome: 'succeeded_with_errors',
      trigger: 'retry',
      retryOf: original.run,
      since: null,
      until: null,
    },
    ...{ rows: 5, delivered: 3, failed: 2 },
  });
  expect(await engine.rowcast.imports.get(original.run)).toMatchObject({ delivered: 38, failed: 2 });
  const left = await errorsOf(original);
  expect(left.map(({ row, code }) => [row, code])).toEqual([
    [38, 'missing_user'],
    [39, 'missing_user'],
  ]);
  expect(await errorsOf(second)).toEqual(left);
  const third = await retried(original.run);
  expect(third).toMatchObject({ rows: 2, delivered: 0, failed: 2 });
  expect(await errorsOf(original)).toEqual(left);

  const stats = engine.receiver.log.stats();
  expect(stats.received - before.received).toBe(38);
  expect(stats.distinct - before.distinct).toBe(38);
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(lastSyncTime);
  expect((await engine.rowcast.syncs.listing(name)).lastRunAt).toBe(original.startedAt);
});

test('a row that is mapped again becomes the call that it would have been', async () => {
  const { name, original } = await badSync('mapped');
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({ ...definition, limits: {} });
  const from = engine.receiver.log.calls.length;
  expect(await retried(original.run, 'value_too_large')).toMatchObject({ rows: 3, delivered: 3 });
  const again = engine.receiver.log.calls.slice(from);
  await engine.rowcast.syncs.reset(name, { to: 0 });
  const whole = engine.receiver.log.calls.length;
  await engine.run(name);
  const anew = engine.receiver.log.calls
    .slice(whole)
    .filter(({ userId }) => /^(twin|u22)$/.test(String(userId)));
  const withoutIds = (calls: readonly Record<string, unknown>[]) =>
    calls.map((call) => JSON.stringify({ ...call, messageId: '' })).sort();
  expect(again).toHaveLength(3);
  expect(withoutIds(again)).toEqual(withoutIds(anew));
});

test('a retry waits for a run that is under way, and one that is cancelled changes nothing: the next one sends the rest under the same ids', async () => {
  const { name, original, before } = await badSync('waits');
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({
    ...definition,
    limits: {},
    query: `SELECT 'somebody' AS "userId", {{last_sync_time}} AS since, pg_sleep(3)::text AS slept`,
  });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(async () => (await engine.rowcast.syncs.get(name)).running !== null);
  const first = await engine.rowcast.imports.retry(original.run);
  expect(await engine.rowcast.imports.get(first.run)).toMatchObject({ outcome: 'running', trigger: 'retry' });
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 1 });
  engine.receiver.misbehave({ kind: 'slow', ms: 2_500, afterTaking: true });
  await until(async () => (await engine.rowcast.syncs.get(name)).running?.run === first.run);
  await until(() => engine.receiver.log.stats().received - before.received > 34);
  await engine.cancel(first.run);
  expect(await engine.rowcast.imports.wait(first.run)).toMatchObject({ outcome: 'cancelled' });
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.get(original.run)).toEqual(original);
  expect(await errorsOf(original)).toHaveLength(7);

  expect(await retried(original.run)).toMatchObject({ rows: 7, delivered: 5, failed: 2 });
  expect(await engine.rowcast.imports.get(original.run)).toMatchObject({ delivered: 38, failed: 2 });
  const stats = engine.receiver.log.stats();
  expect(stats.distinct - before.distinct).toBe(39);
});

test('a worker that is killed while it retries is taken over from, and no row is missing or counted twice', async () => {
  const { original, before } = await badSync('killed');
  engine.receiver.misbehave({ kind: 'silence', times: 1 });
  const { run } = await engine.rowcast.imports.retry(original.run, { code: 'refused_by_destination' });
  const requests = engine.receiver.requests;
  await until(() => engine.receiver.requests > requests);
  await engine.killWorker();
  engine.startWorker();
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({
    outcome: 'succeeded',
    rows: 2,
    delivered: 2,
  });
  expect(await engine.rowcast.imports.get(original.run)).toMatchObject({ delivered: 35, failed: 5 });
  const stats = engine.receiver.log.stats();
  expect(stats.distinct - before.distinct).toBe(35);
});

test('a run that its sync no longer holds can be retried, and is listed once, as it is now', async () => {
  const { name, original } = await badSync('old');
  await changeState(engine, name, (state) => {
    const later = Array.from({ length: 150 }, (_import, minute): ImportRecord => {
      const startedAt = new Date(Date.parse(original.startedAt) + (minute + 1) * 60_000).toISOString();
      return { ...original, run: `rowcast-run-${name}-${startedAt.slice(0, 19)}Z~${minute}`, startedAt };
    });
    return { ...state, imports: later.slice(-100), outgoing: [original, ...later.slice(0, -100)] };
  });
  const { imports } = engine.rowcast;
  await until(async () => ((await engine.rowcast.syncs.get(name)).archived ?? 0) > 0);
  expect(await imports.get(original.run)).toEqual(original);
  expect(await retried(original.run, 'refused_by_destination')).toMatchObject({ delivered: 2 });
  expect(await retried(original.run, 'value_too_large')).toMatchObject({ delivered: 0, failed: 3 });
  const now = { ...original, delivered: 35, failed: 5 };
  expect(await imports.get(original.run)).toMatchObject(now);
  const ofRun = async () =>
    (await Array.fromAsync(imports.list(name))).filter(({ run }) => run === original.run);
  expect(await ofRun()).toMatchObject([now]);
  const all = await Array.fromAsync(imports.list(name));
  expect(all).toHaveLength(153);
  const paged: ImportRecord[] = [];
  for (let pageToken: string | null | undefined; pageToken !== null;) {
    const page = await imports.page({ sync: name, limit: 20, ...(pageToken ? { pageToken } : {}) });
    paged.push(...page.items);
    pageToken = page.nextPageToken;
  }
  expect(paged).toEqual(all);

  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({ ...definition, limits: {} });
  expect(await retried(original.run, 'value_too_large')).toMatchObject({ delivered: 3 });
  const { items } = await imports.page({ sync: name, outcome: 'succeeded_with_errors', limit: 1_000 });
  expect(items.filter(({ run }) => run === original.run)).toMatchObject([{ delivered: 38, failed: 2 }]);
});

test('what cannot be retried is refused in one sentence before anything is started', async () => {
  const { name, original } = await badSync('refused');
  const { imports } = engine.rowcast;
  const code = await runRowcast(engine.env, 'import', 'retry', original.run, '--code', 'no_user');
  expect(code.code).toBe(1);
  expect(code.stderr).toContain(
    'No failed row of the run has the code "no_user"; give one of those that there are: ',
  );
  await engine.rowcast.syncs.reset(name, { to: 0 });
  engine.receiver.misbehave({ kind: 'answer', status: 401 });
  const failed = await engine.run(name);
  engine.receiver.misbehave();
  const refusal = await failureOf(imports.retry(failed.run));
  expect(refusal.code).toBe('nothing_to_retry');
  expect(refusal.message).toContain('did not cover its window, which repeats with the next run');
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({
    ...definition,
    query: `SELECT 'one' AS "userId", {{last_sync_time}} AS t`,
  });
  await sleep(1_100);
  const good = await engine.run(name);
  expect((await failureOf(imports.retry(good.run))).message).toContain('No row of the run');
  const retry = await retried(original.run, 'refused_by_destination');
  expect((await failureOf(imports.retry(retry.run))).message).toContain(`belong to the run ${original.run}`);
});

test('more rows than would stop a run are retried, and those behind them that are taken now go', async () => {
  const name = await engine.sync({
    name: 'many',
    query: `SELECT CASE WHEN n <= 40 THEN 'ok' ELSE 'no' END || n AS "userId", {{last_sync_time}} AS since
      FROM generate_series(1, 340) n ORDER BY n`,
  });
  const users = (from: number) => Array.from({ length: 341 - from }, (_user, index) => `no${from + index}`);
  engine.receiver.misbehave({ kind: 'dislike', users: users(41) });
  const original = await engine.run(name);
  expect(original).toMatchObject({ delivered: 40, failed: 300 });
  engine.receiver.misbehave({ kind: 'dislike', users: users(41).slice(0, 290) });
  expect(await retried(original.run)).toMatchObject({ rows: 300, delivered: 10, failed: 290 });
  engine.receiver.misbehave();
  expect(await engine.rowcast.imports.get(original.run)).toMatchObject({ delivered: 50, failed: 290 });
});
