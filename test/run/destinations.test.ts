import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runRowcast } from '../cli/command.ts';
import { destinationWorkflowId } from '../../workflows/contract.ts';
import { startEngine } from './engine.ts';

/* Whole runs to each kind of destination, against a receiver that behaves like its API. */

/** Three people, one of them known by their email alone. */
const PEOPLE = `SELECT nullif(n, 2) AS "userId", 'p' || n || '@example.com' AS email FROM generate_series(1, 3) n`;
/** Three groups, one of them without a person. */
const GROUPS = `SELECT nullif(n, 2) AS "userId", 'g' || n AS "groupId" FROM generate_series(1, 3) n`;

test.each([
  { kind: 'customerio', api: 'customerio', identified: 3, grouped: 3 },
  { kind: 'segment', api: 'segment', identified: 2, grouped: 2 },
  { kind: 'rudderstack', api: 'rudderstack', identified: 2, grouped: 2 },
  { kind: 'http', api: 'segment', identified: 2, grouped: 2 },
] as const)('$kind gets what it takes, and who lacks a person there is listed', async (expected) => {
  await using engine = await startEngine({ receiver: { api: expected.api } });
  const destination = { kind: expected.kind };
  const people = await engine.sync({ name: 'people', destination, query: PEOPLE });
  const groups = await engine.sync({ name: 'groups', destination, query: GROUPS, type: 'group' });
  const preview = await engine.rowcast.preview(people);
  expect(preview.rows.filter((row) => 'call' in row)).toHaveLength(expected.identified);

  const [identified, grouped] = [await engine.run(people), await engine.run(groups)];
  expect(identified).toMatchObject({
    rows: 3,
    delivered: expected.identified,
    failed: 3 - expected.identified,
  });
  expect(grouped).toMatchObject({ rows: 3, delivered: expected.grouped, failed: 3 - expected.grouped });
  const failed = await Array.fromAsync(engine.rowcast.imports.errors(identified.run));
  expect(failed.map(({ row, code }) => ({ row, code }))).toEqual(
    expected.identified === 3 ? [] : [{ row: 2, code: 'missing_user' }],
  );
  const distinct = expected.identified + expected.grouped;
  expect(engine.receiver.log.stats()).toMatchObject({
    received: distinct,
    distinct,
    dropped: 0,
    violations: [],
  });
});

test('the rate of a destination holds across the syncs that send to it', async () => {
  // Ten a second are thirty in three; each sync for itself would send ninety.
  await using engine = await startEngine({
    receiver: { requestsPer3s: 30 },
    env: { ROWCAST_SMALL_RUN_ROWS: '10' },
  });
  const destination = { kind: 'http', requestsPerSecond: 10, batchBytesMax: 1_000 };
  const query = `SELECT n AS "userId", repeat('x', 300) AS note FROM generate_series(1, 100) n`;
  const names = ['one', 'two', 'three'].map((name) => engine.sync({ name, destination, query }));
  const imports = await Promise.all((await Promise.all(names)).map((name) => engine.run(name)));
  for (const ended of imports) expect(ended).toMatchObject({ outcome: 'succeeded', delivered: 100 });
  // No request was refused for coming too fast: each was read.
  expect(engine.receiver.log.batches.length).toBeGreaterThan(100);
  expect(engine.receiver.requests).toBe(engine.receiver.log.batches.length);
});

const API_KEY = 'gateway-key-4b1d';

test("headers of one's own arrive, and a secret one is readable nowhere else", async () => {
  await using engine = await startEngine({ env: { ROWCAST_SECRET_GATEWAY_KEY: API_KEY } });
  const headers = { 'X-Env': 'prod', 'X-Api-Key': { secret: 'gateway-key' } };
  const name = await engine.sync({ destination: { kind: 'http', headers }, query: PEOPLE });
  expect(await engine.run(name)).toMatchObject({ delivered: 2, failed: 1 });
  expect(engine.receiver.log.batches[0]?.headers).toMatchObject({ 'x-env': 'prod', 'x-api-key': API_KEY });

  engine.receiver.misbehave({ kind: 'answer', status: 403, body: `the key ${API_KEY} may not do this` });
  const refused = await engine.run(name);
  expect(refused.error).toContain('the key [secret] may not do this');
  const shown = await runRowcast(
    engine.env,
    'destination',
    'show',
    `to-${name.slice(name.indexOf('-') + 1)}`,
  );
  expect(shown.stdout).toContain('X-Api-Key:\n        secret: gateway-key\n');
  const files = readdirSync(engine.storage, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const histories = await Promise.all(
    [refused.run.split('~')[0] ?? '', destinationWorkflowId(`to-${name.slice(name.indexOf('-') + 1)}`)].map(
      (id) => engine.temporal.workflow.getHandle(id).fetchHistory(),
    ),
  );
  const texts = [
    ...files,
    readFileSync(engine.workerLog, 'utf8'),
    ...histories.map((history) => JSON.stringify(history)),
  ];
  for (const text of texts)
    expect(text.includes(API_KEY) || text.includes(Buffer.from(API_KEY).toString('base64'))).toBe(false);
});

test('a destination whose header names a secret that is missing, or that no header can hold, says so', async () => {
  await using engine = await startEngine({ env: { ROWCAST_SECRET_BROKEN: 'two\nlines' } });
  const name = await engine.sync({
    destination: { kind: 'http', headers: { 'X-Api-Key': { secret: 'not-there' } } },
    query: PEOPLE,
  });
  expect(await engine.run(name)).toMatchObject({ outcome: 'failed', errorCode: 'secret_missing' });
  await engine.sync({
    destination: { kind: 'http', headers: { 'X-Api-Key': { secret: 'broken' } } },
    query: PEOPLE,
  });
  const broken = await engine.run(name);
  expect(broken).toMatchObject({ outcome: 'failed', errorCode: 'definition_invalid' });
  expect(broken.error).toMatch(
    /^The secret for the header X-Api-Key of the destination to-\S+ holds characters/,
  );
});
