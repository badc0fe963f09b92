import { afterAll, beforeAll, expect, test } from 'vitest';
import { integrationWorkflowId, parseRunName, scheduleId, syncWorkflowId } from '../../workflows/contract.ts';
import { runRowcast } from '../cli/command.ts';
import { namesOf, writeFile } from '../client/file.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';
import { listed, listing, temporal } from './temporalCli.ts';

/* What `temporal workflow terminate` and `cancel` do to runs and to what holds definitions, and what `rowcast` says. */

const ROWS = 20;
const QUERY = `SELECT id AS "userId" FROM people WHERE floor(extract(epoch FROM updated)) > {{last_sync_time}}`;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, now() - interval '1 hour' AS updated FROM generate_series(1, ${ROWS}) n`);
});
afterAll(() => engine[Symbol.asyncDispose]());

const workflow = (command: 'terminate' | 'cancel', id: string) =>
  temporal(engine, 'workflow', command, '--workflow-id', id);

const trigger = (name: string) =>
  temporal(engine, 'schedule', 'trigger', '--schedule-id', scheduleId(name), '--overlap-policy', 'AllowAll');

/** A run that is waiting for its destination. */
async function runUnderWay(name: string): Promise<string> {
  engine.receiver.misbehave({ kind: 'answer', status: 503 });
  const asked = engine.receiver.requests;
  const { run } = await engine.rowcast.syncs.run(name);
  await until(() => engine.receiver.requests > asked);
  return run;
}

const workflowIdOf = (run: string) => parseRunName(run)?.workflowId ?? run;

test('`temporal workflow cancel` of a run ends it as cancelled, and its window repeats', async () => {
  const name = await engine.sync({ name: 'cancelled', query: QUERY });
  const run = await runUnderWay(name);
  await workflow('cancel', workflowIdOf(run));
  await until(async () => (await engine.rowcast.imports.get(run)).outcome === 'cancelled');
  expect(await listed(engine, name)).toMatch(/\| cancelled \| -$/);
  engine.receiver.misbehave();
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: 0, delivered: ROWS });
});

test('`temporal workflow terminate` of a run shows it as failed, and its window repeats', async () => {
  const name = await engine.sync({ name: 'terminated', query: QUERY });
  const run = await runUnderWay(name);
  await workflow('terminate', workflowIdOf(run));
  expect(await listed(engine, name)).toMatch(/\| failed \| -$/);
  engine.receiver.misbehave();
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: 0, delivered: ROWS });
  expect(await engine.rowcast.imports.get(run)).toMatchObject({ outcome: 'failed', errorCode: 'run_lost' });
});

test('a sync whose workflow is terminated is listed as lost, and its next run brings it back with its last_sync_time', async () => {
  const name = await engine.sync({ name: 'lost', query: QUERY });
  const first = await engine.run(name);
  await workflow('terminate', syncWorkflowId(name));

  expect(await listed(engine, name)).toMatch(/\| - \| - \| lost \| every 1 hour \| 20.*Z \| - \| -$/);
  const { stdout } = await runRowcast(engine.env, 'sync', 'list');
  expect(stdout).toMatch(new RegExp(`^Lost: .*${name}`, 'm'));
  expect(stdout).toContain('`rowcast apply` brings such a sync back with its last_sync_time');
  const { code, stderr } = await runRowcast(engine.env, 'sync', 'show', name);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining(`The sync ${name} is lost: its workflow was terminated`) as string,
  });

  await trigger(name);
  await until(async () => (await listing(engine, name))?.lastOutcome === 'succeeded');
  const [newest, ...others] = await Array.fromAsync(engine.rowcast.imports.list(name));
  expect(newest).toMatchObject({ outcome: 'succeeded', since: first.until, rows: 0 });
  expect(others).toEqual([first]);
});

test('a lost sync is disabled and run like any other, and the run brings it back', async () => {
  const name = await engine.sync({ name: 'unlost', query: QUERY }, true);
  await until(async () => (await listing(engine, name))?.lastOutcome === 'succeeded');
  const { lastSyncTime } = await engine.rowcast.syncs.get(name);
  await workflow('terminate', syncWorkflowId(name));
  expect((await runRowcast(engine.env, 'sync', 'disable', name)).stdout).toBe(`${name} is disabled.\n`);
  const run = await runRowcast(engine.env, 'sync', 'run', name, '--wait', '--json');
  expect(JSON.parse(run.stdout)).toMatchObject({ outcome: 'succeeded', since: lastSyncTime });
  expect(await listing(engine, name)).toMatchObject({ lost: false, enabled: false });
});

test('`rowcast apply` brings a sync back whose workflow was terminated, and its dry run says so', async () => {
  const names = namesOf(engine, 'applied');
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  const applied = (...args: string[]) => runRowcast(engine.env, 'apply', '-f', file, ...args);
  expect(await applied()).toMatchObject({ code: 0 });
  const first = await engine.run(names.sync);
  await workflow('terminate', syncWorkflowId(names.sync));
  expect((await applied('--dry-run')).stdout).toMatch(/is lost: its workflow was terminated/);
  expect((await applied()).stdout).toMatch(
    new RegExp(`taken over from copy \\d+ in storage, with last_sync_time ${first.until}\\.`),
  );
  expect(await engine.run(names.sync)).toMatchObject({ outcome: 'succeeded', since: first.until });
});

test('a sync whose workflow is terminated in mid-run is brought back by that run, which closes its books', async () => {
  const name = await engine.sync({ name: 'midway', query: QUERY });
  const run = await runUnderWay(name);
  await workflow('terminate', syncWorkflowId(name));
  engine.receiver.misbehave();
  await until(async () => (await listing(engine, name))?.lastOutcome === 'succeeded');
  const record = await engine.rowcast.imports.get(run);
  expect(record).toMatchObject({ outcome: 'succeeded', since: 0, delivered: ROWS });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: record.until, rows: 0 });
});

test('a sync whose workflow is cancelled goes on', async () => {
  const name = await engine.sync({ name: 'steady', query: QUERY });
  const first = await engine.run(name);
  await workflow('cancel', syncWorkflowId(name));
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: first.until });
  const { definition } = await engine.rowcast.syncs.get(name);
  expect(await engine.rowcast.syncs.update({ ...definition, title: 'Still here' })).toMatchObject({
    change: 'updated',
  });
  expect(await listing(engine, name)).toMatchObject({ lost: false, title: 'Still here' });
});

test('an integration whose workflow is cancelled goes on; of a terminated one the run says what to do', async () => {
  const names = namesOf(engine, 'source');
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  const applied = () => runRowcast(engine.env, 'apply', '-f', file);
  expect(await applied()).toMatchObject({ code: 0 });
  await workflow('cancel', integrationWorkflowId(names.integration));
  const { definition } = await engine.rowcast.integrations.get(names.integration);
  await engine.rowcast.integrations.update({ ...definition, title: 'Changed' });
  expect(await engine.run(names.sync)).toMatchObject({ outcome: 'succeeded', delivered: ROWS });

  await workflow('terminate', integrationWorkflowId(names.integration));
  const failed = await engine.run(names.sync);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'not_found' });
  expect(failed.error).toContain('Apply the definition again with `rowcast apply`');
  expect(await listed(engine, names.sync)).toMatch(/\| failed \| -$/);
  expect((await applied()).stdout).toMatch(/The integration .* was taken over from copy \d+ in storage/);
  expect(await engine.run(names.sync)).toMatchObject({ outcome: 'succeeded' });
});
