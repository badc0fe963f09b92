import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseRunName, runFolder } from '../../workflows/contract.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Workers come and go; runs go on. */

const ROWS = 8_000;
/** About 8 MB: each of four lanes has four batches of 500 KB. */
const QUERY = `SELECT n AS "userId", repeat('x', 1000) AS note FROM generate_series(1, ${ROWS}) n`;

/** Whether a worker that was told to stop ended by itself, and how. */
async function stopped(engine: Engine): Promise<{ exitCode: number | null; signal: string | null }> {
  const { child } = engine.worker;
  await engine.worker.stop('SIGTERM');
  return { exitCode: child.exitCode, signal: child.signalCode };
}

async function startsDelivering(engine: Engine, name: string): Promise<string> {
  const before = engine.receiver.log.calls.length;
  engine.receiver.misbehave({ kind: 'slow', ms: 1_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  while (engine.receiver.log.calls.length === before) await sleep(20);
  return run;
}

test('two workers on one storage share the lanes of a run', async () => {
  await using engine = await startEngine({
    env: { ROWCAST_SMALL_RUN_ROWS: '1', ROWCAST_DELIVER_SLOTS: '1' },
  });
  const first = engine.worker;
  try {
    engine.startWorker();
    const name = await engine.sync({ query: QUERY });
    engine.receiver.misbehave({ kind: 'slow', ms: 1_000 });
    const ended = await engine.run(name);
    expect(ended).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
    expect(engine.receiver.log.stats()).toMatchObject({ received: ROWS, distinct: ROWS, violations: [] });
    expect((await identitiesOf(engine, ended.run, 'deliverLanes')).size).toBe(2);
  } finally {
    await first.stop('SIGKILL');
  }
});

// Side by side: most of their time they wait for workers to stop, to start and to count as gone.
test.concurrent(
  'a worker that is told to stop while it delivers stops by itself, and another goes on where it was',
  async () => {
    await using engine = await startEngine({ env: { ROWCAST_GRACE_MS: '500' } });
    const name = await engine.sync({ query: QUERY });
    const run = await startsDelivering(engine, name);
    expect(await stopped(engine)).toEqual({ exitCode: 0, signal: null });
    const partly = engine.receiver.log.calls.length;
    expect(partly).toBeLessThan(ROWS);
    engine.receiver.misbehave();

    engine.startWorker();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
    const { received, distinct, violations } = engine.receiver.log.stats();
    expect({ distinct, violations }).toEqual({ distinct: ROWS, violations: [] });
    // What was acknowledged before is not sent again: at most the batches that were under way are, one a lane.
    expect(received - distinct).toBeLessThanOrEqual(4 * 500);
    expect(await attemptsOf(engine, run, 'extractRows')).toBe(1);
    expect(await engine.filesLeft()).toEqual(expect.not.arrayContaining([expect.stringContaining('chunks')]));
  },
);

test.concurrent(
  'a worker that is told to stop while it reads leaves no statement, and another reads anew',
  async () => {
    await using engine = await startEngine();
    const name = await engine.sync({
      query: `SELECT n AS "userId", CASE WHEN n % 100 = 0 THEN pg_sleep(0.2)::text END AS slept FROM generate_series(1, 3000) n`,
    });
    const { run } = await engine.rowcast.syncs.run(name);
    while ((await statements(engine)) === 0) await sleep(20);
    expect(await stopped(engine)).toEqual({ exitCode: 0, signal: null });
    while ((await statements(engine)) > 0) await sleep(20);
    expect(engine.receiver.requests).toBe(0);

    engine.startWorker();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 3_000 });
    expect(engine.receiver.log.stats()).toMatchObject({ received: 3_000, distinct: 3_000, violations: [] });
  },
);

test.concurrent(
  'a worker that dies while it tidies up after a run costs a heartbeat, and the run succeeds all the same',
  async () => {
    await using engine = await startEngine();
    const name = await engine.sync({ query: QUERY });
    const run = await startsDelivering(engine, name);
    // Whoever reads this pipe waits, and nobody ever writes to it.
    const pipe = join(engine.storage, runFolder(name, run), 'import.json');
    execFileSync('mkfifo', [pipe]);
    engine.receiver.misbehave();
    while (!(await pendingActivities(engine, run)).includes('settleRun')) await sleep(20);
    await sleep(500);
    await engine.killWorker();
    rmSync(pipe);
    engine.startWorker();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
    expect(await engine.filesLeft()).toEqual(expect.not.arrayContaining([expect.stringContaining('chunks')]));
  },
);

test.concurrent(
  'where no machine with the storage comes back, the run fails with a sentence, and its window repeats with the same messageIds',
  async () => {
    await using engine = await startEngine({ env: { ROWCAST_STORAGE_WAIT_MS: '2000' } });
    const name = await engine.sync({ query: QUERY });
    const { storage } = await engine.rowcast.syncs.get(name);
    const run = await startsDelivering(engine, name);
    await engine.killWorker();
    engine.startWorker({ ROWCAST_STORAGE: `${engine.storage}-other` });
    const failed = await engine.rowcast.imports.wait(run);
    expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable', rows: ROWS });
    expect(failed.error).toContain(
      `No worker that can reach the storage ${storage.id} (${storage.location}) took the work within 2 seconds`,
    );
    expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
    engine.receiver.misbehave();

    await engine.killWorker();
    engine.startWorker();
    const repeated = await engine.run(name);
    expect(repeated).toMatchObject({ outcome: 'succeeded', delivered: ROWS, since: 0 });
    expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS, violations: [] });
    expect(await engine.filesLeft()).toEqual(expect.not.arrayContaining([expect.stringContaining('chunks')]));
  },
);

async function statements(engine: Engine): Promise<number> {
  const { rows } = await engine.sql.query(
    `SELECT 1 FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1 AND query LIKE '%pg_sleep%'`,
    [engine.database],
  );
  return rows.length;
}

async function eventsOf(engine: Engine, run: string) {
  const { workflowId = run } = parseRunName(run) ?? {};
  return (await engine.temporal.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
}

/** How often an activity of a type was scheduled. */
async function pendingActivities(engine: Engine, run: string): Promise<(string | null | undefined)[]> {
  const { raw } = await engine.temporal.workflow.getHandle(parseRunName(run)?.workflowId ?? '').describe();
  return (raw.pendingActivities ?? []).map(({ activityType }) => activityType?.name);
}

async function attemptsOf(engine: Engine, run: string, type: string): Promise<number> {
  const events = await eventsOf(engine, run);
  return events.filter(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === type,
  ).length;
}

/** Which workers took activities of a type. */
async function identitiesOf(engine: Engine, run: string, type: string): Promise<Set<string>> {
  const events = await eventsOf(engine, run);
  const scheduled = events
    .filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type)
    .map(({ eventId }) => String(eventId));
  const started = events.flatMap(({ activityTaskStartedEventAttributes: start }) =>
    start && scheduled.includes(String(start.scheduledEventId)) ? [start.identity ?? ''] : [],
  );
  return new Set(started);
}
