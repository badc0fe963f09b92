import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ImportRecord } from '../../client/index.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { runRowcast } from '../cli/command.ts';
import { namesOf, writeFile } from '../client/file.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';
import { listed, listing, temporal } from './temporalCli.ts';

/* What the `temporal schedule` command does to a sync, and what `rowcast` says of it. */

const ROWS = 20;
const CHANGED = `FROM people WHERE floor(extract(epoch FROM updated)) > {{last_sync_time}}`;
const QUERY = `SELECT id AS "userId" ${CHANGED}`;
const SLOW = `SELECT id AS "userId", (SELECT pg_sleep(4))::text AS slept ${CHANGED}`;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, now() - interval '1 hour' AS updated FROM generate_series(1, ${ROWS}) n`);
});
afterAll(() => engine[Symbol.asyncDispose]());

const schedule = (command: string, name: string, ...args: string[]) =>
  temporal(engine, 'schedule', command, '--schedule-id', scheduleId(name), ...args);

const importsOf = (name: string) => Array.fromAsync(engine.rowcast.imports.list(name));

/** The newest import of a sync that has so many, once all of them have ended. */
async function newestOf(name: string, count: number): Promise<ImportRecord | undefined> {
  let imports = await importsOf(name);
  await until(async () => {
    imports = await importsOf(name);
    return imports.length >= count && imports.every(({ outcome }) => outcome !== 'running');
  });
  expect(imports).toHaveLength(count);
  return imports[0];
}

test('`temporal schedule list` and `describe` show a sync, how often it runs and what it starts', async () => {
  const name = await engine.sync({ name: 'shown', query: QUERY, every: '45 minutes' });
  await until(async () => (await temporal(engine, 'schedule', 'list')).includes(scheduleId(name)));
  const described = await schedule('describe', name);
  expect(described).toMatch(/Paused +true/);
  expect(described).toMatch(/OverlapPolicy +Skip/i);
  expect(described).toContain('45m');
  expect(described).toContain('syncRun');
});

test('`temporal schedule toggle` disables and enables a sync', async () => {
  const name = await engine.sync({ name: 'toggled', query: QUERY });
  await schedule('toggle', name, '--unpause', '--reason', 'by hand');
  expect(await listed(engine, name)).toMatch(/\| yes \| every 1 hour \| - \| - \| 20\d\d-.*Z$/);
  await schedule('toggle', name, '--pause', '--reason', 'by hand');
  expect(await listed(engine, name)).toMatch(/\| no \| every 1 hour \| - \| - \| -$/);
});

test('`temporal schedule trigger` starts a run, and while one is under way it starts none', async () => {
  const name = await engine.sync({ name: 'triggered', query: SLOW });
  await schedule('trigger', name);
  await until(async () => (await engine.rowcast.syncs.get(name)).running !== null);
  await sleep(1_100); // Temporal names a run by its second.
  await schedule('trigger', name);
  expect(await newestOf(name, 1)).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
  await schedule('trigger', name);
  expect(await newestOf(name, 2)).toMatchObject({ outcome: 'succeeded', trigger: 'manual', rows: 0 });
});

test('`temporal schedule trigger --overlap-policy AllowAll` starts a run that ends as skipped while another is under way', async () => {
  const before = engine.receiver.log.stats().received;
  const name = await engine.sync({ name: 'allowed', query: SLOW });
  await schedule('trigger', name);
  await until(async () => (await engine.rowcast.syncs.get(name)).running !== null);
  await sleep(1_100);
  await schedule('trigger', name, '--overlap-policy', 'AllowAll');
  await newestOf(name, 2);
  const outcomes = (await importsOf(name)).map(({ outcome }) => outcome).sort();
  expect(outcomes).toEqual(['skipped', 'succeeded']);
  expect(engine.receiver.log.stats().received - before).toBe(ROWS);

  await schedule('trigger', name, '--overlap-policy', 'AllowAll');
  expect(await newestOf(name, 3)).toMatchObject({ outcome: 'succeeded', rows: 0 });
});

test('`temporal schedule update` of the interval drops the arguments and policies; the sync goes on and heals them', async () => {
  const name = await engine.sync({ name: 'updated', query: QUERY });
  const first = await engine.run(name);
  const action = ['--workflow-id', 'anything', '--type', 'syncRun'];
  const queue = ['--task-queue', engine.env['ROWCAST_TASK_QUEUE'] ?? ''];
  await schedule('update', name, '--interval', '3h', ...action, ...queue);
  expect(await listed(engine, name)).toContain('| every 3 hours |');
  expect((await describedAs(name)).input).toBe(0);

  await schedule('trigger', name);
  expect(await newestOf(name, 2)).toMatchObject({ outcome: 'succeeded', since: first.until, rows: 0 });
  await until(async () => (await describedAs(name)).input === 1);
  expect(await describedAs(name)).toEqual({
    input: 1,
    workflowId: `rowcast-run-${name}`,
    catchupWindow: '3600s',
    interval: '10800s',
  });
});

/** A Schedule as `temporal schedule describe --output json` prints it. */
interface Described {
  readonly schedule: {
    readonly spec: { readonly interval?: readonly { readonly interval: string }[] };
    readonly action: {
      readonly startWorkflow: {
        readonly workflowId: string;
        readonly input?: { readonly payloads?: readonly unknown[] };
      };
    };
    readonly policies?: { readonly catchupWindow?: string };
  };
}

/** What of a Schedule an update may lose. */
async function describedAs(name: string) {
  const described = JSON.parse(await schedule('describe', name, '--output', 'json')) as Described;
  const { spec, action, policies } = described.schedule;
  const { workflowId, input } = action.startWorkflow;
  return {
    workflowId,
    input: input?.payloads?.length ?? 0,
    interval: spec.interval?.[0]?.interval,
    catchupWindow: policies?.catchupWindow,
  };
}

test('`temporal schedule backfill` starts runs of which none sends a row again', async () => {
  const before = engine.receiver.log.stats().received;
  const name = await engine.sync({ name: 'backfilled', query: QUERY });
  const hours = (ago: number) => new Date(Date.now() - ago * 3_600_000).toISOString();
  const span = ['--start-time', hours(5), '--end-time', hours(2)];
  await schedule('backfill', name, ...span, '--overlap-policy', 'AllowAll');
  await newestOf(name, 3);
  const imports = await importsOf(name);
  const delivered = imports.map((record) => record.delivered ?? 0);
  expect(delivered.sort((left, right) => right - left)).toEqual([ROWS, 0, 0]);
  expect(imports.map(({ trigger }) => trigger)).toEqual(['backfill', 'backfill', 'backfill']);
  expect(engine.receiver.log.stats()).toMatchObject({ received: before + ROWS, violations: [] });
});

test('`temporal schedule delete` is shown, and `rowcast apply` brings the Schedule back with the last_sync_time', async () => {
  const names = namesOf(engine, 'deleted');
  const name = names.sync;
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  const applied = () => runRowcast(engine.env, 'apply', '-f', file);
  expect(await applied()).toMatchObject({ code: 0 });
  const first = await engine.run(name);
  await schedule('delete', name);
  expect(await listed(engine, name)).toMatch(/\| no Schedule \| - \| 20.*Z \| succeeded \| -$/);
  const { stdout } = await runRowcast(engine.env, 'sync', 'show', name);
  expect(stdout).toMatch(/^enabled +its Schedule was deleted elsewhere; `rowcast apply` creates it$/m);

  expect((await applied()).stdout).toMatch(
    /The Schedule of .* was gone, deleted elsewhere or lost; it is created again, disabled\./,
  );
  expect(await listing(engine, name)).toMatchObject({ enabled: false, lastSyncTime: first.until });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: first.until, rows: 0 });
});
