import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/*
 * What a million rows cost. Memory is what Linux counted as the most that the worker ever had; elsewhere it is
 * not to be had, and the test is skipped.
 */

const isLinux = process.platform === 'linux';
const MILLION = 1_000_000;

/** A tenth of the rows are one and the same row. */
const query = (rows: number) => `
  SELECT CASE WHEN n % 10 = 0 THEN 'same' ELSE 'user-' || n END AS "userId",
    CASE WHEN n % 10 = 0 THEN 'same' ELSE md5(n::text) END AS token, 'free' AS plan,
    CASE WHEN n % 10 = 0 THEN 0 ELSE n END AS number, CASE WHEN n % 10 = 0 THEN 0.5 ELSE n / 100.0 END AS amount,
    timestamptz '2026-01-01' AS since, true AS active, NULL AS nothing, 'a city' AS city, 'emoji 🎈' AS note
  FROM generate_series(1, ${rows}) n`;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ receiver: { store: 'ids' } });
});
afterAll(() => engine[Symbol.asyncDispose]());

test.skipIf(!isLinux)(
  'a million rows, many of them identical, take hardly more memory than a hundred thousand (skipped except on Linux)',
  { timeout: 900_000 },
  async () => {
    // V8 collects now and then: of two workers with few rows one may come by with 50 MB less than the other.
    const small = Math.max(await peakOf(100_000, 'first'), await peakOf(100_000, 'second'));
    const peaks = [await peakOf(MILLION, 'first')];
    // One with many rows may come by with more; what grows with the rows does so twice.
    if (Math.min(...peaks) > small * 1.15) peaks.push(await peakOf(MILLION, 'second'));
    expect(Math.min(...peaks)).toBeLessThanOrEqual(small * 1.15);
    const rows = peaks.length * MILLION + 200_000;
    expect(engine.receiver.log.stats()).toMatchObject({ distinct: rows, received: rows });
  },
);

test(
  'a run of more than a million rows takes at most 500 history events, an empty one at most 40',
  { timeout: 600_000 },
  async () => {
    const events = async (rows: number) => {
      const ended = await engine.run(await engine.sync({ name: `events-${rows}`, query: query(rows) }));
      expect(ended).toMatchObject({ outcome: 'succeeded', delivered: rows });
      const history = await engine.temporal.workflow.getHandle(ended.run.split('~')[0] ?? '').fetchHistory();
      return history.events?.length ?? 0;
    };
    expect(await events(0)).toBeLessThanOrEqual(40);
    // By an activity for each lane.
    expect(await events(MILLION + 1)).toBeLessThanOrEqual(500);
  },
);

/** The most memory that a worker of its own had for a run, in kB. */
async function peakOf(rows: number, which: string): Promise<number> {
  await engine.killWorker();
  engine.startWorker();
  const name = await engine.sync({ name: `${which}-${rows}`, query: query(rows) });
  const ended = await engine.run(name);
  expect(ended).toMatchObject({ outcome: 'succeeded', rows, delivered: rows });
  const status = readFileSync(`/proc/${engine.worker.child.pid ?? 0}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
}
