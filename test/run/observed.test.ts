import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../dev/port.ts';
import { startServer } from '../../dev/process.ts';
import { ownServers } from '../ownServers.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What those see who watch workers from outside: probes, and metrics in Prometheus' form. */

let engine: Engine;
let metrics: string;
let health: string;

beforeAll(async () => {
  metrics = `127.0.0.1:${await freePort()}`;
  health = `127.0.0.1:${await freePort()}`;
  engine = await startEngine({
    env: { ROWCAST_METRICS_ADDRESS: metrics, ROWCAST_HEALTH_ADDRESS: health },
  });
});
afterAll(() => engine[Symbol.asyncDispose]());

async function probe(path: string): Promise<{ status: number; problems: string[] }> {
  const answer = await fetch(`http://${health}${path}`);
  const { problems } = (await answer.json()) as { problems: string[] };
  return { status: answer.status, problems };
}

/** The value of a metric with these labels, in any order; null where there is none. */
async function metric(name: string, labels: Readonly<Record<string, string>>): Promise<number | null> {
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  const line = text
    .split('\n')
    .find(
      (each) =>
        each.startsWith(`${name}{`) &&
        Object.entries(labels).every(([label, value]) => each.includes(`${label}="${value}"`)),
    );
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ')));
}

test('a run is counted where it was read, delivered and ended, and its destination by its answers', async () => {
  const query = `SELECT CASE WHEN n > 1 THEN n END AS "userId" FROM generate_series(1, 5) n`;
  const sync = await engine.sync({ name: 'counted', query });
  engine.receiver.misbehave({ kind: 'answer', status: 503, times: 1 });
  const before = Date.now() / 1_000;
  expect(await engine.run(sync)).toMatchObject({ outcome: 'succeeded_with_errors', delivered: 4, failed: 1 });
  const destination = sync.replace('counted', 'to');
  await until(async () => (await metric('rowcast_runs_total', { sync })) === 1);
  expect(await metric('rowcast_rows_read_total', { sync })).toBe(5);
  expect(await metric('rowcast_rows_failed_total', { sync, stage: 'mapping' })).toBe(1);
  expect(await metric('rowcast_calls_delivered_total', { sync, destination })).toBe(4);
  expect(await metric('rowcast_staged_bytes_total', { sync })).toBeGreaterThan(400);
  expect(await metric('rowcast_destination_retries_total', { destination })).toBe(1);
  const answered = { destination, meaning: 'accepted' };
  expect(await metric('rowcast_destination_request_seconds_count', answered)).toBeGreaterThan(0);
  expect(await metric('rowcast_last_success_timestamp_seconds', { sync })).toBeGreaterThan(before);
  expect(await metric('rowcast_rows_read_total', { integration: sync.replace('counted', 'from') })).toBe(5);
});

test('a worker that has just started knows when each sync last succeeded, how often it runs, and that it is enabled', async () => {
  const done = await engine.sync({ name: 'done', query: 'SELECT 1 AS "userId"', every: '2 hours' }, true);
  const { endedAt } = await engine.run(done);
  const never = await engine.sync({ name: 'never', query: 'SELECT 1 AS "userId"' });
  await engine.killWorker();
  engine.startWorker();
  const gauge = (name: string, sync: string) => metric(`rowcast_${name}`, { sync }).catch(() => null);
  await until(async () => (await gauge('sync_enabled', never)) !== null);
  expect(await gauge('last_success_timestamp_seconds', done)).toBe(Date.parse(endedAt ?? '') / 1_000);
  expect(await gauge('last_success_timestamp_seconds', never)).toBeGreaterThan(
    Date.parse(endedAt ?? '') / 1_000,
  );
  expect(await gauge('sync_enabled', done)).toBe(1);
  expect(await gauge('sync_enabled', never)).toBe(0);
  expect(await gauge('sync_interval_seconds', done)).toBe(7_200);
});

test('the worker is alive and ready, and not ready where its storage is gone', async () => {
  expect(await probe('/healthz')).toEqual({ status: 200, problems: [] });
  expect(await probe('/readyz')).toEqual({ status: 200, problems: [] });
  rmSync(engine.storage, { recursive: true });
  const { status, problems } = await probe('/readyz');
  expect(status).toBe(503);
  expect(problems).toEqual([expect.stringContaining(engine.storage) as string]);
  expect((await probe('/healthz')).status).toBe(200);
  expect((await probe('/metrics')).status).toBe(404);
});

test.each([
  [
    'ROWCAST_METRICS_ADDRESS',
    'here',
    /^The environment variable ROWCAST_METRICS_ADDRESS is "here"; give the address/,
  ],
  [
    'ROWCAST_HEALTH_ADDRESS',
    '127.0.0.1:70000',
    /^The environment variable ROWCAST_HEALTH_ADDRESS is "127.0.0.1:70000"/,
  ],
  [
    'ROWCAST_HEALTH_ADDRESS',
    'taken',
    /^The worker cannot listen on 127.0.0.1:\d+ \(.*EADDRINUSE.*\); give another address/,
  ],
  [
    'ROWCAST_METRICS_ADDRESS',
    'taken',
    /^The worker cannot listen on 127.0.0.1:\d+ \(.*\); give another address/,
  ],
])('a worker whose %s is %s does not start, and says why in a sentence', async (variable, value, says) => {
  const logFile = `${engine.workerLog}-${variable}-${value.length}`;
  const worker = startServer({
    command: process.execPath,
    args: [join(import.meta.dirname, '..', '..', 'worker.ts')],
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: ownServers().temporal.address,
      ROWCAST_STORAGE: `${engine.storage}-other`,
      [variable]: value === 'taken' ? ownServers().temporal.address : value,
    },
    logFile,
  });
  onTestFinished(() => worker.stop('SIGKILL'));
  await until(() => worker.child.exitCode !== null);
  expect(worker.child.exitCode).toBe(1);
  const said = readFileSync(logFile, 'utf8').trimEnd();
  expect(said).toMatch(says);
  expect(said.split('\n')).toHaveLength(1);
});
