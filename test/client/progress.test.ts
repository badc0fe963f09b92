import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Progress, WatchedImport } from '../../client/index.ts';
import { startRowcast } from '../cli/command.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { until } from '../until.ts';

/* How far runs are, for those who watch: while they read and deliver, and while workers die. */

let engine: Engine;
beforeAll(async () => {
  // Small pages and short activities, so that a run of seconds is one of many steps.
  engine = await startEngine({
    env: {
      ROWCAST_PAGE_ROWS: '100',
      ROWCAST_PROGRESS_MS: '200',
      ROWCAST_SMALL_RUN_ROWS: '1',
      ROWCAST_DELIVER_MS: '1000',
    },
  });
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(() => engine.receiver.misbehave());

const ROWS = 1_200;
/** Two rows are bad; about 12 MB, so that each lane has some six batches. */
const QUERY = `SELECT CASE WHEN n % 600 > 0 THEN n END AS "userId", repeat('x', 10000) AS note
  FROM generate_series(1, ${ROWS}) n`;
const SLOWLY_READ = `SELECT n AS "userId", CASE WHEN n % 100 = 0 THEN pg_sleep(0.4)::text END AS slept
  FROM generate_series(1, 1000) n`;

/** Neither `rows`, `delivered` nor `failed` is ever less than it was. */
function expectNoStepBack(seen: readonly Progress[]): void {
  for (const field of ['rows', 'delivered', 'failed'] as const) {
    const values = seen.map((progress) => progress[field]).filter((value) => value !== null);
    expect(values).toEqual(values.toSorted((left, right) => left - right));
  }
}

test('a run that delivers counts all that it delivered, of all its rows, though its worker dies', async () => {
  const name = await engine.sync({ name: 'delivered', query: QUERY });
  engine.receiver.misbehave({ kind: 'slow', ms: 400 });
  const { run } = await engine.rowcast.syncs.run(name);
  const seen: Progress[] = [];
  let isKilled = false;
  for await (const progress of engine.rowcast.imports.watch(run)) {
    seen.push(progress);
    if (isKilled || (progress.delivered ?? 0) < ROWS / 2) continue;
    isKilled = true;
    await engine.killWorker();
    // So slow that its last batches are seen before it ends.
    engine.receiver.misbehave({ kind: 'slow', ms: 2_500 });
    engine.startWorker();
  }
  expectNoStepBack(seen);
  const delivering = seen.filter(({ stage }) => stage === 'delivering');
  for (const { rows, failed } of delivering) expect({ rows, failed }).toEqual({ rows: ROWS, failed: 2 });
  // Each of four lanes has been handed back several times by then, and the sum of those at work would be less.
  const accounted = Math.max(...delivering.map(({ delivered }) => delivered ?? 0));
  expect(accounted).toBeGreaterThan(ROWS * 0.8);
  const foretold = delivering.filter(({ secondsLeft }) => secondsLeft !== null);
  expect(foretold.length).toBeGreaterThan(0);
  for (const { rate, secondsLeft, delivered } of foretold) {
    expect(secondsLeft).toBe(Math.ceil((ROWS - 2 - (delivered ?? 0)) / (rate ?? 0)));
  }
  expect(seen.at(-1)).toMatchObject({ run, sync: name, running: false, stage: null });
  expect(await engine.rowcast.imports.get(run)).toMatchObject({ delivered: ROWS - 2, failed: 2 });
});

test('a run that reads counts its rows while the query goes on, and says which it reads again', async () => {
  const name = await engine.sync({ name: 'read', query: SLOWLY_READ });
  const { run } = await engine.rowcast.syncs.run(name);
  const seen: Progress[] = [];
  let isKilled = false;
  for await (const progress of engine.rowcast.imports.watch(run)) {
    seen.push(progress);
    if (isKilled || progress.rate === null || (progress.rows ?? 0) < 300) continue;
    isKilled = true;
    await engine.killWorker();
    engine.startWorker();
  }
  expectNoStepBack(seen);
  const reading = seen.filter(({ stage, rows }) => stage === 'reading' && rows !== null);
  expect(new Set(reading.map(({ rows }) => rows)).size).toBeGreaterThan(4);
  for (const { secondsLeft, delivered } of reading) {
    expect({ secondsLeft, delivered }).toEqual({ secondsLeft: null, delivered: null });
  }
  expect(reading.some(({ rate }) => rate !== null && rate > 0)).toBe(true);
  const again = reading.filter(({ reread }) => reread !== null);
  expect(again.length).toBeGreaterThan(0);
  for (const { reread, rows } of again) expect(reread).toBeLessThan(rows ?? 0);
});

test('all runs are watched together: new ones appear, and those that end come once more with their import', async () => {
  const [long, short] = [
    await engine.sync({ name: 'long', query: SLOWLY_READ.replace('1000)', '100000)') }),
    await engine.sync({ name: 'short', query: QUERY }),
  ];
  const { child, stdout, ended } = startRowcast(engine.env, 'status', '--watch');
  const { run: first } = await engine.rowcast.syncs.run(long);
  await until(() => new RegExp(`^${long}: reading: [\\d,]+ rows, [\\d,]+/s$`, 'm').test(stdout()));
  engine.receiver.misbehave({ kind: 'slow', ms: 600 });
  const { run: second } = await engine.rowcast.syncs.run(short);
  const seen: WatchedImport[] = [];
  for await (const all of engine.rowcast.imports.watchAll()) {
    seen.push(...all);
    const over = all.filter(({ running }) => !running).map(({ run }) => run);
    if (over.includes(second)) await engine.cancel(first);
    if (over.includes(first)) break;
  }
  for (const [run, sync, outcome] of [
    [first, long, 'cancelled'],
    [second, short, 'succeeded_with_errors'],
  ] as const) {
    const own = seen.filter((progress) => progress.run === run);
    expectNoStepBack(own);
    expect(own.every((progress) => progress.sync === sync)).toBe(true);
    expect(own.filter(({ running }) => running).length).toBeGreaterThan(1);
    expect(own.filter(({ running }) => !running)).toMatchObject([{ ended: { run, outcome } }]);
    await until(() => stdout().includes(`${sync}: ${outcome}, `));
  }
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test('at a terminal a run has a bar in one line that changes, and no line is left of it', async () => {
  const name = await engine.sync({ name: 'barred', query: QUERY });
  engine.receiver.misbehave({ kind: 'slow', ms: 300 });
  const command = `"${process.execPath}" "${join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs')}" sync run ${name} --watch`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...engine.env, SHELL: '/bin/bash' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += String(data)));
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  const shown = said.split('\u001b[1A\r\u001b[J');
  expect(shown.length).toBeGreaterThan(3);
  for (const text of shown.slice(1, -1)) expect(text.split('\n')).toHaveLength(2);
  expect(said).toMatch(/delivering: █+░+ \d+ % [\d,]+ of 1,200 delivered, 2 failed/);
  expect(shown.at(-1)).toMatch(
    new RegExp(`^${name}: succeeded_with_errors, 1,200 rows read, 1,198 delivered`),
  );
});
