import { readFile } from 'node:fs/promises';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findTemporal } from '../../dev/temporal.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { alertWorkflowId } from '../../workflows/contract.ts';
import { until } from '../until.ts';
import { WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';
import { SIGNING_SECRET, WebhookReceiver } from './webhookReceiver.ts';
import { filesBelow, GOOD, MARKER, NAMED_SOURCE, Secretive, SECRETS } from './secretive.ts';

/*
 * Where a secret and a row may not be found: Temporal and the file of its database, the worker's log, the storage,
 * what the client and the command answer.
 */

const found = await findTemporal();
let secretive: Secretive;
let engine: Engine;
beforeAll(async () => {
  secretive = await Secretive.start(found);
  engine = secretive.engine;
});
afterAll(() => secretive[Symbol.asyncDispose]());

const findsSecret = (where: Uint8Array | string) => secretive.secretsIn(where);

test('a run that succeeds', async () => {
  expect(await engine.run(await engine.sync({ name: 'good', ...GOOD }))).toMatchObject({
    outcome: 'succeeded',
    delivered: 20,
  });
});

test('a database that echoes the password is quoted without it, in a run and in a preview', async () => {
  const name = await engine.sync({
    name: 'echo-source',
    source: NAMED_SOURCE,
    query: 'SELECT words::int AS "userId" FROM vault',
  });
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'query_failed' });
  expect(failed.error).toContain('invalid input syntax for type integer: "[secret]"');
  expect((await failureOf(engine.rowcast.preview(name))).message).toContain('"[secret]"');
});

test('a destination that echoes the write key is quoted without it', async () => {
  const name = await engine.sync({ name: 'echo-destination', ...GOOD });
  engine.receiver.misbehave({
    kind: 'answer',
    status: 401,
    body: `no entry for ${WRITE_KEY}, $AUTHORIZATION`,
  });
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'destination_refused' });
  expect(failed.error).toContain('no entry for [secret], Basic [secret]');
});

test('a destination that echoes the write key with a row is quoted without it', async () => {
  const name = await engine.sync({ name: 'echo-row', ...GOOD });
  engine.receiver.misbehave({ kind: 'dislike', users: ['u3'], words: `${WRITE_KEY} may not send this` });
  const ended = await engine.run(name);
  engine.receiver.misbehave();
  expect(ended).toMatchObject({ outcome: 'succeeded_with_errors', delivered: 19, failed: 1 });
  const [error] = await Array.fromAsync(engine.rowcast.imports.errors(ended.run));
  expect(error?.message).toContain('[secret] may not send this');
});

test('a run whose secrets are sealed signs in and delivers with what was sealed', async () => {
  const name = await engine.sync({ name: 'sealed', ...(await secretive.allSealed()) });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 20 });
  expect(secretive.receiver.log.batches[0]?.headers).toMatchObject({
    authorization: `Basic ${Buffer.from(`${SECRETS.sealedKey}:`).toString('base64')}`,
    'x-sealed': SECRETS.sealedHeader,
    'x-named': SECRETS.namedHeader,
    'x-filed': SECRETS.filedHeader,
  });
});

test('what is staged of a run holds no secret while it is under way', async () => {
  const name = await engine.sync({ name: 'staged', ...(await secretive.allSealed()) });
  secretive.receiver.misbehave({ kind: 'answer', status: 503, body: SECRETS.sealedKey });
  const { run } = await engine.rowcast.syncs.run(name);
  await until(async () => (await engine.filesLeft()).some((file) => file.includes('/chunks/')));
  const chunks = (await filesBelow(engine.storage)).filter((file) => file.includes('/chunks/'));
  const texts = await Promise.all(chunks.map((file) => readFile(file)));
  expect(texts.flatMap(findsSecret)).toEqual([]);
  expect(texts.some((text) => text.includes(MARKER))).toBe(true);
  secretive.receiver.misbehave();
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 20 });
});

test('a database and a destination that echo what was sealed are quoted without it', async () => {
  const name = await engine.sync({
    name: 'echo-sealed',
    ...(await secretive.allSealed('SELECT sealed_words::int AS "userId" FROM vault')),
  });
  const failed = await engine.run(name);
  expect(failed.error).toContain('invalid input syntax for type integer: "[secret]"');
  expect((await failureOf(engine.rowcast.preview(name))).message).toContain('"[secret]"');

  await engine.sync({ name: 'echo-sealed', ...(await secretive.allSealed()) });
  const { sealedKey, sealedHeader, sealedToken, namedHeader, filedHeader } = SECRETS;
  const echoed = ['$AUTHORIZATION', sealedKey, sealedHeader, sealedToken, namedHeader, filedHeader];
  const body = echoed.join(', ');
  secretive.receiver.misbehave({ kind: 'answer', status: 401, body });
  const refused = await engine.run(name);
  secretive.receiver.misbehave();
  expect(refused).toMatchObject({ outcome: 'failed', errorCode: 'destination_refused' });
  expect(refused.error).toContain('Basic [secret], [secret], [secret], [secret], [secret], [secret]');
});

test('a sealed password that is copied to another host is refused there, and never sent', async () => {
  const password = await secretive.seal(
    'integration',
    'source.password',
    SECRETS.sealedPassword,
    'db.internal:5432',
  );
  const { source, ...rest } = await secretive.allSealed();
  const name = await engine.sync({
    ...{ name: 'elsewhere', ...rest, source: { ...source, password }, test: false },
  });
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'secret_refused' });
  expect(failed.error).toMatch(
    /was sealed for `source\.password` of the integration \S+ at db\.internal:5432, and/,
  );
});

test('a sealed write key is refused for another URL', async () => {
  const { destination, ...rest } = await secretive.allSealed();
  const name = await engine.sync({
    name: 'elsewhere',
    ...rest,
    destination: { ...destination, url: engine.receiver.url },
  });
  const before = engine.receiver.requests;
  expect(await engine.run(name)).toMatchObject({ outcome: 'failed', errorCode: 'secret_refused' });
  expect(engine.receiver.requests).toBe(before);
});

test('of a key that the worker makes for a tunnel only the public half is told', async () => {
  const name = `from-${engine.database.slice('test_'.length)}`;
  const { pending } = await engine.rowcast.integrations.key(name, 'rotate');
  expect(pending?.publicKey).toMatch(/^ssh-ed25519 /);
  expect(findsSecret(JSON.stringify(pending))).toEqual([]);
});

test('a literal secret in a definition is refused, and not echoed', async () => {
  const literals = [
    { password: SECRETS.password },
    { password: { secret: SECRETS.password } },
    { password: { value: SECRETS.password } },
  ];
  for (const source of literals) {
    const refusal = await failureOf(engine.sync({ name: 'literal', query: 'SELECT 1', source }));
    expect(refusal.code).toBe('definition_invalid');
    expect(refusal.message).toContain('source.password');
    expect(findsSecret(refusal.message)).toEqual([]);
  }
  const refusal = await failureOf(
    engine.sync({ name: 'literal', query: 'SELECT 1', destination: { writeKey: WRITE_KEY } }),
  );
  expect(refusal.message).toContain('writeKey');
  expect(findsSecret(refusal.message)).toEqual([]);
});

test('a secret cannot name anything else of the worker', async () => {
  for (const secret of ['../etc/passwd', '/etc/passwd', 'PATH', 'ROWCAST_SECRET_READER', '']) {
    const source = { ...NAMED_SOURCE, password: { secret } };
    const refusal = await failureOf(engine.sync({ name: 'elsewhere', query: 'SELECT 1', source }));
    expect(refusal.code, secret).toBe('definition_invalid');
    expect(refusal.message, secret).toContain('source.password.secret');
  }
});

test('a preview shows rows to the one who asked', async () => {
  const name = await engine.sync({ name: 'seen', ...GOOD });
  const { rows } = await engine.rowcast.preview(name);
  expect(JSON.stringify(rows)).toContain(MARKER);
});

test('no secret is in what the command prints, echoes too', async () => {
  const { imports } = engine.rowcast;
  const name = await engine.sync({
    name: 'echo-sealed',
    ...(await secretive.allSealed('SELECT sealed_words::int AS "userId" FROM vault')),
  });
  const withErrors = (await Array.fromAsync(imports.list())).find(({ failed }) => failed === 1);
  const { run = '' } = withErrors ?? {};
  const id = engine.database.slice('test_'.length);
  const body = `$AUTHORIZATION, ${SECRETS.sealedHeader}`;
  secretive.receiver.misbehave({ kind: 'answer', status: 401, body });
  const commands = [
    ['sync', 'preview', name],
    ['sync', 'run', name, '--wait'],
    ['integration', 'test', `from-${id}`],
    ['destination', 'test', `to-${id}`],
    ['integration', 'key', `from-${id}`],
    ['import', 'list', '--json'],
    ['import', 'errors', run],
  ];
  const said = await Promise.all(commands.map((args) => runRowcast(engine.env, ...args)));
  secretive.receiver.misbehave();
  for (const [index, { stdout, stderr }] of said.entries())
    expect(findsSecret(`${stdout}${stderr}`), commands[index]?.join(' ')).toEqual([]);
  expect(said.map(({ code }) => code)).toEqual([1, 1, 0, 1, 0, 0, 0]);
  const texts = said.map(({ stdout, stderr }) => `${stdout}${stderr}`);
  for (const at of [0, 1, 3, 5, 6]) expect(texts[at], commands[at]?.join(' ')).toContain('[secret]');
});

test('a webhook that echoes its URL and its key is quoted without, and no row is told', async () => {
  await using hooks = await WebhookReceiver.start();
  const name = 'echoing';
  const url = await secretive.sealHook(name, 'url', hooks.url);
  const signingSecret = await secretive.sealHook(name, 'signingSecret', SIGNING_SECRET);
  await engine.rowcast.webhooks.update({ name, url, signingSecret });
  const echo = { kind: 'answer', status: 400, body: `${hooks.url} ${SIGNING_SECRET}` } as const;
  hooks.behave(echo, echo);
  const tried = await runRowcast(engine.env, 'webhook', 'test', name);
  expect(tried.stdout).toMatch(/HTTP 400: \[secret\] (whsec_)?\[secret\]/);
  expect(findsSecret(tried.stdout)).toEqual([]);
  const sync = await engine.sync({ name: 'told', ...(await secretive.allSealed('SELECT 1/0')) });
  const failed = await engine.run(sync);
  expect(failed.outcome).toBe('failed');
  await until(() => hooks.arrivals.length === 2);
  const [, { message } = {}] = hooks.arrivals;
  const told = engine.temporal.workflow.getHandle(alertWorkflowId(name, message?.id ?? ''));
  await expect(told.result()).rejects.toMatchObject({ cause: { type: 'webhook_refused' } });
});

test('no secret and no row is in any history, memo, search attribute or Schedule', async () => {
  const { History } = proto.temporal.api.history.v1;
  const service = proto.temporal.api.workflowservice.v1;
  const kinds = new Set<string>();
  const runs: string[] = [];
  const query = `TaskQueue = '${engine.env['ROWCAST_TASK_QUEUE'] ?? ''}'`;
  for await (const { workflowId, runId, type } of engine.temporal.workflow.list({ query })) {
    const handle = engine.temporal.workflow.getHandle(workflowId, runId);
    const history = History.encode(await handle.fetchHistory()).finish();
    const described = service.DescribeWorkflowExecutionResponse.encode(
      (await handle.describe()).raw,
    ).finish();
    for (const bytes of [history, described]) {
      expect(findsSecret(bytes), workflowId).toEqual([]);
      expect(Buffer.from(bytes).includes(MARKER), workflowId).toBe(false);
    }
    kinds.add(type);
    if (type === 'syncRun') runs.push(workflowId);
  }
  // It did look at everything.
  expect(kinds).toEqual(
    new Set([
      ...['alert', 'connectionTest', 'destination', 'integration', 'preview', 'sync', 'syncRun'],
      'webhook',
    ]),
  );
  expect(runs).toHaveLength(12);
  let schedules = 0;
  for await (const { scheduleId } of engine.temporal.schedule.list()) {
    const { raw } = await engine.temporal.schedule.getHandle(scheduleId).describe();
    const bytes = service.DescribeScheduleResponse.encode(raw).finish();
    expect(findsSecret(bytes), scheduleId).toEqual([]);
    schedules += 1;
  }
  expect(schedules).toBeGreaterThanOrEqual(5);
});

test("no secret is in the worker's log, nor in any file of the storage", async () => {
  const log = await readFile(engine.workerLog);
  expect(findsSecret(log)).toEqual([]);
  expect(log.includes(MARKER)).toBe(false);
  const files = await filesBelow(engine.storage);
  for (const file of files) expect(findsSecret(await readFile(file)), file).toEqual([]);
  expect(files.length).toBeGreaterThan(10);
});

test('no secret is in what the client answers, but which one is named, or its value sealed', async () => {
  const { destinations, integrations, syncs, imports } = engine.rowcast;
  const answers = JSON.stringify([
    await Array.fromAsync(destinations.list()),
    await Array.fromAsync(integrations.list()),
    await Array.fromAsync(syncs.list()),
    await Array.fromAsync(imports.list()),
  ]);
  expect(findsSecret(answers)).toEqual([]);
  for (const shown of ['"secret":"named"', '"secret":"filed"', '"password":"sealed:', '"writeKey":"sealed:'])
    expect(answers).toContain(shown);
});

test.skipIf(found.kind === 'cluster')(
  "no secret and no row is in the file of Temporal's database (skipped on a cluster, whose database is elsewhere)",
  async () => {
    const { files, cells } = await secretive.temporalDatabase();
    // What is longer than a page of the file is only whole in the cells of its tables.
    const parts = [...(await Promise.all(files.map((file) => readFile(file)))), ...cells];
    expect(parts.flatMap(findsSecret)).toEqual([]);
    const holding = (text: string) => parts.filter((part) => part.includes(text)).length;
    expect(holding(MARKER)).toBe(0);
    // It did look: what was sealed is there.
    expect(holding('"sealed:YWdl')).toBeGreaterThan(5);
  },
);
