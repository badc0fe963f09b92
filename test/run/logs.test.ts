import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What a worker says to its operators: a line for a run, a line for a problem, and nothing of rows. */

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine({ env: { ROWCAST_RETRY_BUDGET_MS: '500' } });
});
afterAll(() => engine[Symbol.asyncDispose]());

interface Line {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What the worker has said of a sync. */
function linesOf(sync: string): Line[] {
  const lines = readFileSync(engine.workerLog, 'utf8').trimEnd().split('\n');
  return lines.filter((line) => line.includes(sync)).map((line) => JSON.parse(line) as Line);
}

const ended = (sync: string) => until(() => linesOf(sync).some(({ outcome }) => outcome !== undefined));

test('a run in normal operation is one line of JSON, and all lines are JSON', async () => {
  const sync = await engine.sync({
    name: 'quiet',
    query: `SELECT n AS "userId" FROM generate_series(1, 5) n`,
  });
  const record = await engine.run(sync);
  await ended(sync);
  const { run, since, until: to } = record;
  expect(linesOf(sync)).toEqual([
    {
      ...{ time: expect.stringMatching(/^\d{4}-.*Z$/) as string, level: 'info' },
      message: expect.stringMatching(
        `^${sync}: succeeded, 5 rows read, 5 delivered, 0 failed, took \\d+\\.\\d s$`,
      ) as string,
      ...{ sync, run, outcome: 'succeeded', trigger: record.trigger, seconds: expect.any(Number) as number },
      ...{ since, until: to, rows: 5, delivered: 5, failed: 0 },
    },
  ]);
  const all = readFileSync(engine.workerLog, 'utf8').trimEnd().split('\n');
  expect(all.map((line) => (JSON.parse(line) as Line).level)).toEqual(all.map(() => 'info'));
});

test('a destination in trouble is one line with its code, however often it is asked, and its words are none', async () => {
  const sync = await engine.sync({ name: 'waiting', query: `SELECT 'one' AS "userId"` });
  const said = JSON.stringify({ error: 'not now', userId: 'someone-private' });
  engine.receiver.misbehave({ kind: 'answer', status: 503, body: said, times: 3 });
  const { run } = await engine.run(sync);
  await ended(sync);
  const lines = linesOf(sync);
  expect(lines.map(({ level, code, outcome }) => [level, code ?? outcome])).toEqual([
    ['warn', 'destination_unavailable'],
    ['info', 'succeeded'],
  ]);
  expect(lines[0]).toMatchObject({ sync, run, activity: 'deliverLanes' });
  expect(lines[0]?.message).toMatch(/ waits: The destination to-.* cannot take calls now: HTTP 503\.$/);
});

test('a run that fails is one line with its code, which holds no value of a row', async () => {
  const sync = await engine.sync({ name: 'broken', query: `SELECT 'someone-private'::int AS "userId"` });
  const { run, error } = await engine.run(sync);
  expect(error).toContain('someone-private');
  await ended(sync);
  const lines = linesOf(sync);
  expect(lines).toMatchObject([{ level: 'error', code: 'query_failed', sync, run, outcome: 'failed' }]);
  expect(lines[0]?.message).toMatch(/: The query failed; correct it\. \(SQLSTATE 22P02\)$/);
  expect(readFileSync(engine.workerLog, 'utf8')).not.toContain('someone-private');
});

test('a run that was terminated is one line, once the next one finds out', async () => {
  const query = `SELECT n AS "userId", repeat('x', 20000) AS note FROM generate_series(1, 100) n`;
  const sync = await engine.sync({ name: 'lost', query });
  engine.receiver.misbehave({ kind: 'slow', ms: 1_500 });
  const before = engine.receiver.requests;
  const { run } = await engine.rowcast.syncs.run(sync);
  await until(() => engine.receiver.requests > before);
  await engine.terminate(run);
  await engine.rowcast.syncs.run(sync);
  await ended(sync);
  expect(linesOf(sync)).toMatchObject([{ level: 'error', code: 'run_lost', run, outcome: 'failed' }]);
});
