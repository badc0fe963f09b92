import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRowcast } from '../cli/command.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Intervals and runs that meet. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, now() - interval '1 hour' AS updated FROM generate_series(1, 20) n`);
});
afterAll(() => engine[Symbol.asyncDispose]());

const SLOW = `SELECT id AS "userId", (SELECT pg_sleep(4))::text AS slept FROM people
  WHERE floor(extract(epoch FROM updated)) > {{last_sync_time}}`;

const scheduleOf = (name: string) => engine.temporal.schedule.getHandle(scheduleId(name));

test('intervals that are due while a run is under way are skipped, and counted in its import', async () => {
  const name = await engine.sync({ name: 'often', query: SLOW }, true);
  const { running } = await engine.rowcast.syncs.get(name);
  const first = running?.run ?? (await engine.rowcast.syncs.run(name)).run;
  // Temporal itself goes down to a second, which a definition does not.
  await scheduleOf(name).update((current) => ({ ...current, spec: { intervals: [{ every: '1 second' }] } }));
  const ended = await engine.rowcast.imports.wait(first);
  await engine.rowcast.syncs.disable(name);
  expect(ended).toMatchObject({ outcome: 'succeeded', rows: 20 });
  expect(ended.skippedIntervals).toBeGreaterThanOrEqual(2);
  const { running: still } = await engine.rowcast.syncs.get(name);
  if (still !== null) await engine.rowcast.imports.wait(still.run);
  const imports = await Array.fromAsync(engine.rowcast.imports.list(name));
  expect(imports.filter(({ outcome }) => outcome !== 'succeeded')).toEqual([]);
  expect(engine.receiver.log.stats()).toMatchObject({ received: 20, distinct: 20 });

  const listed = await runRowcast(engine.env, 'import', 'list', name);
  const at = ended.startedAt.slice(0, 19).replace('T', ' ');
  expect(listed.stdout).toMatch(
    new RegExp(
      `^${name}: ${ended.skippedIntervals} intervals skipped: the run of ${at}Z took \\d+\\.\\d s$`,
      'm',
    ),
  );
  const glance = await runRowcast(engine.env, 'status');
  expect(glance.stdout).toMatch(
    new RegExp(`^${name}: \\d+ of the last \\d+ intervals were skipped: .* takes \\d+ seconds`, 'm'),
  );
});

test('a run that is started with ALLOW_ALL meanwhile ends as skipped; one started later covers only its window', async () => {
  const before = engine.receiver.log.calls.length;
  const name = await engine.sync({ name: 'allowed', query: SLOW });
  const { run } = await engine.rowcast.syncs.run(name);
  for (let triggers = 0; triggers < 2; triggers += 1) {
    await sleep(1_100); // Temporal names a run by its second, and starts no two of one name.
    await scheduleOf(name).trigger(ScheduleOverlapPolicy.ALLOW_ALL);
  }
  const ended = await engine.rowcast.imports.wait(run);
  expect(ended).toMatchObject({ outcome: 'succeeded', delivered: 20 });
  const skipped = (await Array.fromAsync(engine.rowcast.imports.list(name))).filter(
    ({ outcome }) => outcome === 'skipped',
  );
  expect(skipped).toHaveLength(2);
  expect(skipped[0]).toMatchObject({ errorCode: 'run_overlaps', delivered: null });
  expect(engine.receiver.log.calls).toHaveLength(before + 20);

  await engine.sql.query(`UPDATE people SET updated = clock_timestamp() WHERE id <= 3`);
  await sleep(1_100);
  await scheduleOf(name).trigger(ScheduleOverlapPolicy.ALLOW_ALL);
  const later = await newest(name, run);
  expect(later).toMatchObject({ outcome: 'succeeded', since: ended.until, rows: 3, delivered: 3 });
  expect(engine.receiver.log.calls).toHaveLength(before + 23);
});

test('asking for a run while one is under way answers the one that is', async () => {
  const name = await engine.sync({ name: 'twice', query: SLOW });
  const first = await engine.rowcast.syncs.run(name);
  expect(first.started).toBe(true);
  while ((await engine.rowcast.syncs.get(name)).running === null) await sleep(100);
  expect(await engine.rowcast.syncs.run(name)).toEqual({ started: false, run: first.run });
  await engine.rowcast.imports.wait(first.run);
});

/** The import of a run after another one, once it has ended. */
async function newest(name: string, after: string) {
  for (;;) {
    const { items } = await engine.rowcast.imports.page({ sync: name, limit: 1 });
    const [latest] = items;
    if (latest !== undefined && latest.run !== after && latest.outcome !== 'skipped') {
      return engine.rowcast.imports.wait(latest.run);
    }
    await sleep(200);
  }
}

test('a run goes on with the definition that it began with, and the next one has the new one', async () => {
  const before = engine.receiver.log.calls.length;
  const name = await engine.sync({ name: 'changing', query: SLOW });
  const { run } = await engine.rowcast.syncs.run(name);
  while ((await engine.rowcast.syncs.get(name)).running === null) await sleep(100);
  const { definition } = await engine.rowcast.syncs.get(name);
  const query = `SELECT 'someone' AS "userId", 'Changed' AS event`;
  await engine.rowcast.syncs.update({ ...definition, type: 'track', query });
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 20 });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 1 });
  const types = engine.receiver.log.calls.slice(before).map(({ type }) => type);
  expect(types).toEqual([...Array.from({ length: 20 }, () => 'identify'), 'track']);
});
