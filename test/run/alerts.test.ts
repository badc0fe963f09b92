import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { alertWorkflowId, syncWorkflowId } from '../../workflows/contract.ts';
import { runRowcast } from '../cli/command.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';
import { SIGNING_SECRET, WebhookReceiver } from './webhookReceiver.ts';

/* Webhooks are told when the state of a sync changes, and not of what stays as it is. */

let engine: Engine;
let hooks: WebhookReceiver;
beforeAll(async () => {
  hooks = await WebhookReceiver.start();
  const env = { ROWCAST_SECRET_HOOK_URL: hooks.url, ROWCAST_SECRET_HOOK_KEY: SIGNING_SECRET };
  engine = await startEngine({ env });
  await engine.sql.query(
    'CREATE TABLE mood (divisor int, nap float, bad int); INSERT INTO mood VALUES (1, 0, 0)',
  );
  await engine.rowcast.webhooks.update({
    name: 'hook',
    url: { secret: 'hook-url' },
    signingSecret: { secret: 'hook-key' },
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});
beforeEach(async () => {
  hooks.behave();
  await feel({ divisor: 1, nap: 0, bad: 0 });
});

/** How the query fares: it fails with a divisor of 0, takes so many seconds, and has so many bad rows of ten. */
async function feel(mood: { divisor?: number; nap?: number; bad?: number }): Promise<void> {
  for (const [column, value] of Object.entries(mood)) {
    await engine.sql.query(`UPDATE mood SET ${column} = $1`, [value]);
  }
}

const QUERY = `SELECT CASE WHEN n > bad THEN n END AS "userId", n / divisor AS quotient
  FROM mood, pg_sleep(nap), generate_series(1, 10) n`;

const eventsOf = (sync: string) => hooks.taken(sync).map(({ event }) => event);

test('a sync that begins to fail is told once, and once that it has recovered', async () => {
  const name = await engine.sync({ name: 'failing', query: QUERY });
  expect((await engine.run(name)).outcome).toBe('succeeded');
  await feel({ divisor: 0 });
  const first = await engine.run(name);
  await engine.run(name);
  await feel({ divisor: 1, nap: 30 });
  const cancelled = await engine.rowcast.syncs.run(name);
  await until(async () => (await engine.rowcast.imports.get(cancelled.run)).outcome === 'running');
  await engine.cancel(cancelled.run);
  expect((await engine.rowcast.imports.wait(cancelled.run)).outcome).toBe('cancelled');
  await feel({ nap: 0 });
  const good = await engine.run(name);
  const { integration } = (await engine.rowcast.syncs.get(name)).definition;
  await until(() => hooks.taken(name).length > 1);
  expect(hooks.taken(name)).toEqual([
    {
      version: 1,
      id: expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/) as string,
      event: 'failing',
      at: expect.stringMatching(/^20.*Z$/) as string,
      sync: name,
      integration,
      since: expect.stringMatching(/^20.*Z$/) as string,
      recoveredFrom: [],
      run: {
        ...{ run: first.run, outcome: 'failed', startedAt: first.startedAt, endedAt: first.endedAt },
        ...{ rows: null, delivered: 0, failed: 0, skippedIntervals: 0 },
        ...{ errorCode: 'query_failed', error: 'The query failed; correct it. (SQLSTATE 22012)' },
      },
      text: `The sync ${name} is failing: The query failed; correct it. (SQLSTATE 22012) See \`rowcast import show ${first.run}\`.`,
    },
    expect.objectContaining({
      event: 'recovered',
      recoveredFrom: ['failing'],
      run: expect.objectContaining({ run: good.run, outcome: 'succeeded', delivered: 10 }) as unknown,
      text: expect.stringMatching(
        `The sync ${name} has recovered: it was failing since .*Z\\. Its last run delivered 10 of 10 rows\\.`,
      ) as string,
    }),
  ]);
  expect(hooks.violations).toEqual([]);
});

test('a sync whose run is not done in time is late while that is under way, and recovers with one that is', async () => {
  await feel({ nap: 4 });
  const alerts = { lateAfter: '2 seconds' };
  const name = await engine.sync({ name: 'late', query: QUERY, alerts }, true);
  await until(() => eventsOf(name).length > 0);
  const [late] = hooks.taken(name);
  const run = late?.run?.run ?? '';
  expect(late).toMatchObject({ event: 'late', run: { outcome: 'running', endedAt: null } });
  expect(late?.text).toMatch(
    /^The sync late-\w+ is late: its run since 20.*Z was to be done by 20.*Z and has not said that it is over: it is under way, or was terminated\.$/,
  );
  expect((await engine.rowcast.imports.get(run)).outcome).toBe('running');
  const shown = await engine.temporal.workflow
    .getHandle(syncWorkflowId(name))
    .query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(shown.currentDetails).toMatch(/^Late since 20.*Z$/m);
  // One that ends too late is no recovery.
  expect((await engine.rowcast.imports.wait(run)).outcome).toBe('succeeded');
  await feel({ nap: 0 });
  expect((await engine.run(name)).outcome).toBe('succeeded');
  await until(() => eventsOf(name).length > 1);
  expect(hooks.taken(name)[1]).toMatchObject({
    event: 'recovered',
    recoveredFrom: ['late'],
    since: late?.since,
  });
});

test('a disabled sync is not late, however long its run takes', async () => {
  await feel({ nap: 2 });
  const name = await engine.sync({ name: 'disabled', query: QUERY, alerts: { lateAfter: '1 second' } });
  expect((await engine.run(name)).outcome).toBe('succeeded');
  // Nor one that is disabled while its run is under way.
  await engine.rowcast.syncs.enable(name);
  const { run } = await engine.rowcast.syncs.run(name);
  await engine.rowcast.syncs.disable(name);
  expect((await engine.rowcast.imports.wait(run)).outcome).toBe('succeeded');
  await feel({ nap: 0, divisor: 0 });
  await engine.run(name);
  await until(() => eventsOf(name).length > 0);
  expect(eventsOf(name)).toEqual(['failing']);
});

test('a larger share of failed rows than its sync allows is told once, and that it is over', async () => {
  const name = await engine.sync({ name: 'share', query: QUERY, alerts: { failedAbove: '20%' } });
  for (const bad of [2, 3, 4, 2]) {
    await feel({ bad });
    expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded_with_errors', failed: bad });
  }
  await until(() => eventsOf(name).length > 1);
  expect(hooks.taken(name)).toMatchObject([
    { event: 'failed_rows', run: { rows: 10, failed: 3 } },
    { event: 'recovered', recoveredFrom: ['failed_rows'], run: { rows: 10, failed: 2 } },
  ]);
  expect(hooks.taken(name)[0]?.text).toMatch(
    /^Of 10 rows of the sync share-\w+ 3 failed: 30%, more than 20%\. See why with `rowcast import errors rowcast-run-share/,
  );
  // No row of them is told.
  expect(JSON.stringify(hooks.arrivals)).not.toContain('quotient');
});

test('a webhook that is down for a while is told once it is back, under the same id, whatever becomes of workers', async () => {
  hooks.behave(
    { kind: 'answer', status: 500, headers: { 'retry-after': '1' } },
    { kind: 'answer', status: 503, headers: { 'retry-after': '2' } },
  );
  const name = await engine.sync({ name: 'down', query: QUERY });
  const arrived = () => hooks.arrivals.filter(({ message }) => message.sync === name);
  await feel({ divisor: 0 });
  expect((await engine.run(name)).outcome).toBe('failed');
  await until(() => arrived().length === 1);
  // It holds up neither this sync nor another one.
  expect((await engine.run(name)).outcome).toBe('failed');
  await until(() => arrived().length === 2);
  // The worker ends between two tries, once Temporal has heard of the last.
  const told = engine.temporal.workflow.getHandle(alertWorkflowId('hook', arrived()[0]?.message.id ?? ''));
  await until(async () => ((await told.describe()).raw.pendingActivities?.[0]?.attempt ?? 3) === 3);
  await engine.killWorker();
  engine.startWorker();
  await until(() => arrived().length === 3);
  expect(arrived().map(({ status }) => status)).toEqual([500, 503, 204]);
  expect(new Set(arrived().map(({ message }) => JSON.stringify(message))).size).toBe(1);
  expect(hooks.violations).toEqual([]);
});

test('a webhook that refuses is not told again, and Temporal says why', async () => {
  hooks.behave({ kind: 'answer', status: 410, body: 'channel_is_archived' });
  const name = await engine.sync({ name: 'gone', query: QUERY });
  await feel({ divisor: 0 });
  await engine.run(name);
  await until(() => hooks.arrivals.some(({ message }) => message.sync === name));
  const id = hooks.arrivals.find(({ message }) => message.sync === name)?.message.id ?? '';
  const told = engine.temporal.workflow.getHandle(alertWorkflowId('hook', id));
  await expect(told.result()).rejects.toMatchObject({
    cause: {
      type: 'webhook_refused',
      message:
        'The webhook hook was not told: HTTP 410: channel_is_archived. That is not tried again; correct its `url`, or what answers there.',
    },
  });
  const query = `WorkflowType = 'alert' AND RowcastSync = '${name}' AND ExecutionStatus = 'Failed'`;
  await until(async () => (await engine.temporal.workflow.count(query)).count === 1);
});

test('the command creates, shows, tries out and deletes webhooks, and says what is wrong with one', async () => {
  const file = join(engine.storage, '..', 'webhooks.yaml');
  const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
  const apply = (webhook: object) => {
    writeFileSync(file, JSON.stringify({ version: 1, webhooks: { slack: webhook } }));
    return rowcast('apply', '-f', file);
  };
  const webhook = { url: { secret: 'hook-url' }, signingSecret: { secret: 'hook-key' } };
  expect(await apply({ ...webhook, syncs: ['nobody'] })).toMatchObject({
    code: 1,
    stderr: `Nothing was applied:\n  webhooks.slack.syncs: there is no sync "nobody"; define it, or correct the name\n`,
  });
  const name = await engine.sync({ name: 'named', query: QUERY });
  const events = ['late', 'recovered'];
  expect((await apply({ ...webhook, events, syncs: [name] })).stdout).toBe('webhook slack created\n');
  expect((await rowcast('webhook', 'list')).stdout).toMatch(
    new RegExp(`^hook +all +all syncs\\nslack +late, recovered +${name}$`, 'm'),
  );
  const shown = await rowcast('webhook', 'show', 'slack');
  writeFileSync(file, shown.stdout);
  expect((await rowcast('apply', '-f', file)).stdout).toBe('webhook slack unchanged\n');
  expect((await rowcast('webhook', 'test', 'slack')).stdout).toBe(
    'ok     find the URL and the key: the worker has both\nok     tell it of a test: it took a signed message\nslack works.\n',
  );
  expect(hooks.arrivals.at(-1)?.message).toMatchObject({ event: 'test', sync: null, run: null });
  await apply({ ...webhook, signingSecret: { secret: 'hook-url' } });
  const { code, stdout } = await rowcast('webhook', 'test', 'slack');
  expect([code, stdout]).toEqual([
    1,
    expect.stringMatching(/`signingSecret` of the webhook slack is no key/),
  ]);
  expect((await rowcast('webhook', 'delete', 'slack', '--yes')).stdout).toBe('slack is deleted.\n');
  expect(await engine.rowcast.webhooks.find('slack')).toBeNull();
});

test('a webhook is told of the syncs and the events that it names, and of no other', async () => {
  const [one, other] = [
    await engine.sync({ name: 'one', query: QUERY }),
    await engine.sync({ name: 'other', query: QUERY }),
  ];
  const url = { secret: 'hook-url' };
  const signingSecret = { secret: 'hook-key' };
  await engine.rowcast.webhooks.update({
    name: 'hook',
    url,
    signingSecret,
    syncs: [one],
    events: ['recovered', 'late'],
  });
  const runs = async () => {
    for (const name of [other, one]) await engine.run(name);
  };
  await feel({ divisor: 0 });
  await runs();
  await feel({ divisor: 1 });
  await runs();
  await engine.rowcast.webhooks.update({ name: 'hook', url, signingSecret, syncs: [one] });
  await feel({ divisor: 0 });
  await runs();
  await until(() => eventsOf(one).length > 0);
  expect([eventsOf(one), eventsOf(other)]).toEqual([['failing'], []]);
});
