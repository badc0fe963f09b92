import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findTemporal } from '../../dev/temporal.ts';
import {
  integrationWorkflowId,
  alertWorkflowId,
  destinationWorkflowId,
  scheduleId,
  sweepId,
  syncWorkflowId,
  webhookWorkflowId,
} from '../../workflows/contract.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { SIGNING_SECRET, WebhookReceiver } from '../run/webhookReceiver.ts';
import { ownServers } from '../ownServers.ts';
import { until } from '../until.ts';

/*
 * Records a history of everything that workflows do, into a folder for this version of them. Histories of earlier
 * versions stay: runs of theirs may still be in flight, and must replay.
 */

const about = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
const FOLDER = join(import.meta.dirname, (JSON.parse(about) as { version: string }).version);

let engine: Engine;
let hooks: WebhookReceiver;
beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  const ROWCAST_IDENTITY = await generateX25519Identity();
  hooks = await WebhookReceiver.start();
  const secrets = { ROWCAST_SECRET_HOOK_URL: hooks.url, ROWCAST_SECRET_HOOK_KEY: SIGNING_SECRET };
  engine = await startEngine({ env: { ROWCAST_SMALL_RUN_ROWS: '100', ROWCAST_IDENTITY, ...secrets } });
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, now() - interval '1 hour' AS updated FROM generate_series(1, 1000) n`);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});

const CHANGED = `FROM people WHERE extract(epoch FROM updated) > {{last_sync_time}}`;

/** As the Temporal CLI shows it. */
async function save(name: string, workflowId: string): Promise<void> {
  const found = await findTemporal();
  const temporal = found.kind === 'cluster' ? 'temporal' : found.path;
  const { address } = ownServers().temporal;
  const args = ['workflow', 'show', '--workflow-id', workflowId, '--address', address, '--output', 'json'];
  const shown = execFileSync(temporal, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(JSON.parse(shown), null, 1)}\n`);
}

const idOf = (run: string) => run.split('~')[0] ?? run;

test('runs that succeed', async () => {
  const name = await engine.sync({ name: 'good', query: `SELECT id AS "userId" ${CHANGED}` });
  const full = await engine.run(name);
  expect(full.delivered).toBe(1_000);
  await save('syncRun-lanes', idOf(full.run));
  await sleep(1_100);
  const empty = await engine.run(name);
  expect(empty.rows).toBe(0);
  await save('syncRun-empty', idOf(empty.run));
  await engine.sql.query('UPDATE people SET updated = now() WHERE id < 10');
  await sleep(1_100);
  const small = await engine.run(name);
  expect(small.rows).toBe(9);
  await save('syncRun-small', idOf(small.run));
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.rowcast.syncs.update({ ...definition, title: 'Another title' });
  await engine.rowcast.preview(name);
  await save('sync', syncWorkflowId(name));
  await save('integration', integrationWorkflowId(definition.integration));
  const { definition: integration } = await engine.rowcast.integrations.get(definition.integration);
  await save('destination', destinationWorkflowId(integration.destination));
});

test('a preview', async () => {
  for await (const { workflowId } of engine.temporal.workflow.list({ query: `WorkflowType = 'preview'` })) {
    await save('preview', workflowId);
  }
});

test('runs that do not succeed', async () => {
  const name = await engine.sync({
    name: 'bad',
    query: `SELECT id AS "userId", repeat('x', CASE WHEN id = 7 THEN 40000 ELSE 5000 END) AS note FROM people`,
  });
  engine.receiver.misbehave({ kind: 'slow', ms: 10, times: 3 }, { kind: 'answer', status: 401, times: 8 });
  const failed = await engine.run(name);
  expect(failed.outcome).toBe('failed');
  await save('syncRun-failed', idOf(failed.run));

  engine.receiver.misbehave({ kind: 'slow', ms: 2_000 });
  const cancelled = await engine.rowcast.syncs.run(name);
  await sleep(2_500);
  await engine.temporal.schedule.getHandle(scheduleId(name)).trigger(ScheduleOverlapPolicy.ALLOW_ALL);
  await sleep(1_500);
  await engine.cancel(cancelled.run);
  expect((await engine.rowcast.imports.wait(cancelled.run)).outcome).toBe('cancelled');
  await save('syncRun-cancelled', idOf(cancelled.run));
  const all = await Array.fromAsync(engine.rowcast.imports.list(name));
  const skipped = all.find(({ outcome }) => outcome === 'skipped');
  await save('syncRun-skipped', idOf(skipped?.run ?? ''));

  const terminated = await engine.rowcast.syncs.run(name);
  await sleep(2_500);
  await engine.terminate(terminated.run);
  engine.receiver.misbehave();
  const after = await engine.run(name);
  expect(after).toMatchObject({ outcome: 'succeeded_with_errors', failed: 1 });
  await save('syncRun-after-a-lost-one', idOf(after.run));

  await engine.temporal.workflow.getHandle(syncWorkflowId(name)).terminate('lost');
  const { definition } = await engine.rowcast.syncs.get(name).catch(() => ({ definition: null }));
  expect(definition).toBe(null);
  await engine.sync({ name: 'bad', query: `SELECT 1 AS "userId"` });
  await save('sync-taken-over', syncWorkflowId(name));
});

test('a run whose delivery hands its lanes back to rest', async () => {
  const name = await engine.sync({
    name: 'resting',
    query: `SELECT 'one' AS "userId", repeat('x', 20000) AS note FROM people LIMIT 90`,
  });
  const resting = { kind: 'answer', status: 503, headers: { 'retry-after': '4' }, times: 1 } as const;
  engine.receiver.misbehave({ kind: 'slow', ms: 10, times: 1 }, resting);
  const { run, outcome } = await engine.run(name);
  expect(outcome).toBe('succeeded');
  await save('syncRun-rested', idOf(run));
});

test('keys of a tunnel', async () => {
  for (const action of ['show', 'rotate', 'discard'] as const) {
    await engine.rowcast.integrations.key('tunnelled', action);
  }
  await save('integration-keys', integrationWorkflowId('tunnelled'));
});

/** Saves the newest workflow of a type. */
async function saveNewest(name: string, workflowType: string): Promise<void> {
  for await (const { workflowId } of engine.temporal.workflow.list({
    query: `WorkflowType = '${workflowType}'`,
  })) {
    return save(name, workflowId);
  }
}

test('connections that are tried out', async () => {
  const name = await engine.sync({ name: 'tried', query: 'SELECT 1 AS "userId"' });
  const { definition } = await engine.rowcast.syncs.get(name);
  const { definition: integration } = await engine.rowcast.integrations.get(definition.integration);
  await engine.rowcast.integrations.test(integration.name);
  await saveNewest('connectionTest-integration', 'connectionTest');
  await engine.rowcast.destinations.test(integration.destination);
  await saveNewest('connectionTest-destination', 'connectionTest');
  const away = { ...integration, source: { ...integration.source, port: 1 } } as typeof integration;
  await expect(engine.rowcast.integrations.update(away)).rejects.toThrow(/port open failed/);
  await engine.rowcast.integrations.update(away, { test: false });
  await engine.rowcast.integrations.update(integration);
  await save('integration-tried-out', integrationWorkflowId(integration.name));
});

test('failed rows that are sent again', async () => {
  const name = await engine.sync({
    name: 'retried',
    query: `SELECT NULLIF(id::text, '9') AS "userId" FROM people WHERE id < 20 AND {{last_sync_time}} = 0`,
  });
  engine.receiver.misbehave({ kind: 'dislike', users: ['7'] });
  const original = await engine.run(name);
  engine.receiver.misbehave();
  expect(original.failed).toBe(2);
  const { run } = await engine.rowcast.imports.retry(original.run);
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ delivered: 1, failed: 1 });
  await save('retryRun', idOf(run));
  await save('sync-retried', syncWorkflowId(name));
});

test('a sweep', async () => {
  const name = await engine.sync({ name: 'swept', query: 'SELECT 1 AS "userId"' });
  const { storage } = await engine.rowcast.syncs.get(name);
  const schedule = engine.temporal.schedule.getHandle(sweepId(storage.id));
  await schedule.trigger(ScheduleOverlapPolicy.SKIP);
  await until(async () => (await schedule.describe()).info.recentActions.length > 0);
  const { action } = (await schedule.describe()).info.recentActions[0]!;
  await engine.temporal.workflow.getHandle(action.workflow.workflowId).result();
  await saveNewest('sweep', 'sweep');
});

test('webhooks that are told', async () => {
  const secrets = { url: { secret: 'hook-url' }, signingSecret: { secret: 'hook-key' } };
  await engine.rowcast.webhooks.update({ name: 'hook', ...secrets });
  await engine.sql.query('CREATE TABLE mood AS SELECT 1 AS divisor, 4.0 AS nap');
  const query = `SELECT 1 / divisor AS "userId" FROM mood, pg_sleep(nap)`;
  const name = await engine.sync({ name: 'alerted', query, alerts: { lateAfter: '2 seconds' } }, true);
  await until(() => hooks.taken(name).length === 1);
  await engine.rowcast.imports.wait(hooks.taken(name)[0]?.run?.run ?? '');
  await engine.sql.query('UPDATE mood SET divisor = 0, nap = 0');
  hooks.behave({ kind: 'answer', status: 410 });
  await engine.run(name);
  await until(() => hooks.arrivals.length === 2);
  await engine.sql.query('UPDATE mood SET divisor = 1');
  await engine.run(name);
  await until(() => hooks.taken(name).length === 2);
  const [, refused, recovered] = hooks.arrivals.map(({ message }) => alertWorkflowId('hook', message.id));
  await engine.temporal.workflow.getHandle(recovered ?? '').result();
  await save('alert', recovered ?? '');
  await engine.temporal.workflow
    .getHandle(refused ?? '')
    .result()
    .catch(() => undefined);
  await save('alert-refused', refused ?? '');
  await save('sync-alerted', syncWorkflowId(name));
  await engine.rowcast.webhooks.test('hook');
  await saveNewest('connectionTest-webhook', 'connectionTest');
  await engine.rowcast.webhooks.delete('hook');
  await save('webhook', webhookWorkflowId('hook'));
});

test('what is reset and deleted', async () => {
  const name = await engine.sync({
    name: 'doomed',
    query: `SELECT id AS "userId", repeat('x', 5000) AS note FROM people`,
  });
  engine.receiver.misbehave({ kind: 'slow', ms: 2_000 });
  const { run } = await engine.rowcast.syncs.run(name);
  await sleep(2_500);
  await engine.rowcast.syncs.reset(name, { to: 5 });
  await engine.rowcast.syncs.delete(name);
  engine.receiver.misbehave();
  await save('syncRun-of-a-deleted-sync', idOf(run));
  await save('sync-reset-and-deleted', syncWorkflowId(name));
  // The name is used again, in a workflow that finds the tombstone.
  await engine.sync({ name: 'doomed', query: 'SELECT 1 AS "userId"' });
  await save('sync-after-a-tombstone', syncWorkflowId(name));

  const { definition } = await engine.rowcast.syncs.get(name);
  const { definition: integration } = await engine.rowcast.integrations.get(definition.integration);
  await expect(engine.rowcast.integrations.delete(integration.name)).rejects.toThrow(/is in use/);
  for await (const sync of engine.rowcast.syncs.list()) await engine.rowcast.syncs.delete(sync.name);
  await engine.rowcast.integrations.delete(integration.name);
  await save('integration-deleted', integrationWorkflowId(integration.name));
  await engine.rowcast.destinations.delete(integration.destination);
  await save('destination-deleted', destinationWorkflowId(integration.destination));
});
