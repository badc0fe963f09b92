import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf } from '../connectors/request.ts';
import { startEngine, WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';

/* Where a secret and a row may not be found: Temporal, the worker's log, the storage, the client's answers. */

const PASSWORD = 'pw+9f/3c Q"u\'ö=7d1';
const MARKER = 'a-row-of-people-5b21';
const ROLE = 'secretive';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ env: { ROWCAST_SECRET_READER: PASSWORD } });
  await engine.sql.query(`
    CREATE TABLE people AS SELECT 'u' || n AS id, '${MARKER}-' || n AS note FROM generate_series(1, 20) n;
    CREATE TABLE vault AS SELECT $secret$${PASSWORD}$secret$::text AS words;
    CREATE ROLE ${ROLE} LOGIN PASSWORD '${PASSWORD.replaceAll("'", "''")}';
    GRANT SELECT ON people, vault TO ${ROLE};
  `);
});
afterAll(async () => {
  await engine.sql.query(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  await engine[Symbol.asyncDispose]();
});

const SOURCE = { user: ROLE, password: { secret: 'reader' } };
const GOOD = { source: SOURCE, query: 'SELECT id AS "userId", note FROM people' };

/** However it is written. */
function formsOf(secret: string): string[] {
  const base64 = [secret, `${secret}:`].map((text) => Buffer.from(text).toString('base64'));
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...base64.map((text) => text.replace(/=+$/, '')),
  ];
}

function findsSecret(where: Uint8Array | string): string[] {
  const bytes = Buffer.from(where);
  return [PASSWORD, WRITE_KEY].filter((secret) => formsOf(secret).some((form) => bytes.includes(form)));
}

test('a run that succeeds', async () => {
  expect(await engine.run(await engine.sync({ name: 'good', ...GOOD }))).toMatchObject({
    outcome: 'succeeded',
    delivered: 20,
  });
});

test('a database that echoes the password is quoted without it, in a run and in a preview', async () => {
  const name = await engine.sync({
    name: 'echo-source',
    source: SOURCE,
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

test('a literal secret in a definition is refused, and not echoed', async () => {
  const literals = [
    { password: PASSWORD },
    { password: { secret: PASSWORD } },
    { password: { value: PASSWORD } },
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
    const source = { ...SOURCE, password: { secret } };
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
  expect(kinds).toEqual(new Set(['destination', 'integration', 'sync', 'syncRun', 'preview']));
  expect(runs).toHaveLength(4);
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
  const entries = await readdir(engine.storage, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) {
    expect(findsSecret(await readFile(join(parentPath, name))), name).toEqual([]);
  }
  expect(files.length).toBeGreaterThan(10);
});

test('no secret is in what the client answers, but which one is named', async () => {
  const { destinations, integrations, syncs, imports } = engine.rowcast;
  const answers = JSON.stringify([
    await Array.fromAsync(destinations.list()),
    await Array.fromAsync(integrations.list()),
    await Array.fromAsync(syncs.list()),
    await Array.fromAsync(imports.list()),
  ]);
  expect(findsSecret(answers)).toEqual([]);
  expect(answers).toContain('"secret":"reader"');
  expect(answers).toContain('"secret":"write-key"');
});
