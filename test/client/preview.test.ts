import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRowcast, startRowcast } from '../cli/command.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import type { RunFiles } from '../../storage/runFiles.ts';
import { runFolder } from '../../workflows/contract.ts';
import { until } from '../until.ts';
import { namesOf, writeFile } from './file.ts';

/* The first rows beside the calls that they would become, or became. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
const QUERY = `SELECT n AS "userId", 'value ' || n AS note, n * 10 AS "cart.total" FROM generate_series(1, 200) n
  WHERE n > {{last_sync_time}}`;

interface Preview {
  readonly sync: string;
  readonly since: number;
  readonly placements: readonly { column: string; path: readonly string[]; why: string }[];
  readonly rows: readonly Record<string, unknown>[];
}

async function previewOf(...args: string[]): Promise<Preview> {
  const { stdout, stderr } = await rowcast('sync', 'preview', ...args, '--json');
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Preview;
}

async function statements(): Promise<number> {
  const { rows } = await engine.sql.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1`,
    [engine.database],
  );
  return rows[0]?.n ?? 0;
}

test('a saved sync is previewed: where each column goes and why, rows beside their calls, and nothing is sent', async () => {
  const name = await engine.sync({ name: 'saved', query: QUERY });
  const preview = await previewOf(name);
  expect(Object.keys(preview).sort()).toEqual(['placements', 'rows', 'since', 'sync', 'type', 'warnings']);
  expect(preview).toMatchObject({ sync: name, type: 'identify', since: 0, warnings: [] });
  expect(preview.rows).toHaveLength(10);
  expect(preview.rows[0]).toMatchObject({
    row: 1,
    data: { userId: 1, note: 'value 1', 'cart.total': 10 },
    call: { type: 'identify', userId: '1', traits: { note: 'value 1', cart: { total: 10 } } },
  });
  expect(preview.placements.map(({ column, path }) => [column, path])).toEqual([
    ['userId', ['userId']],
    ['note', ['traits', 'note']],
    ['cart.total', ['traits', 'cart', 'total']],
  ]);
  for (const { why } of preview.placements) expect(why).not.toBe('');
  expect((await previewOf(name, '--limit', '100')).rows).toHaveLength(100);

  const { code, stdout } = await rowcast('sync', 'preview', name, '--limit', '1');
  expect(code).toBe(0);
  expect(stdout).toContain(`${name}: 1 row as identify calls, with last_sync_time 0. Nothing was sent.\n`);
  expect(stdout).toMatch(/^COLUMN +GOES TO +WHY$/m);
  expect(stdout).toMatch(/^ {2}data {2}\{"userId":1,/m);
  expect(stdout).toMatch(/^ {2}call {2}\{.*"type":"identify",/m);

  expect(engine.receiver.requests).toBe(0);
  expect(await Array.fromAsync(engine.rowcast.imports.list(name))).toEqual([]);
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
});

test('a preview starts where the next run of its sync would, or at --since', async () => {
  const name = await engine.sync({ name: 'since', query: QUERY, lookback: '5 minutes' });
  const { until: lastSyncTime } = await engine.run(name);
  const start = (lastSyncTime ?? 0) - 300;
  expect(await previewOf(name)).toMatchObject({ since: start, rows: [] });
  const { stdout } = await rowcast('sync', 'preview', name);
  expect(stdout).toContain(
    `${name}: no rows as identify calls, with last_sync_time ${start}. Nothing was sent.\n`,
  );
  expect(stdout).toContain('see what it returns from the start with `--since 0`');

  expect((await previewOf(name, '--since', '198')).rows).toMatchObject([
    { data: { userId: 199 } },
    { data: { userId: 200 } },
  ]);
  expect(await previewOf(name, '--since', '2027-01-31T06:00:00+01:00')).toMatchObject({ since: 1801371600 });
  expect(await previewOf(name, '--since', '2027-01-31T05:00:00')).toMatchObject({ since: 1801371600 });
  await engine.sql.query('CREATE TABLE nobody (id int)');
  const empty = await engine.sync({ name: 'empty', query: 'SELECT id AS "userId" FROM nobody' });
  const none = await rowcast('sync', 'preview', empty);
  expect(none.stdout).toContain('no rows as identify calls');
  expect(none.stdout).not.toContain('--since');
  expect(none.stdout).toMatch(/^userId +userId +/m);
});

test('the syncs of a file are previewed before they are saved', async () => {
  const names = namesOf(engine, 'unsaved');
  const file = writeFile(engine, names, { query: QUERY });
  expect(await previewOf(names.sync, '-f', file)).toMatchObject({ sync: names.sync, since: 0 });
  const all = (await previewOf('-f', file, '--limit', '2')) as unknown as Preview[];
  expect(all).toMatchObject([{ sync: names.sync, rows: [{ row: 1 }, { row: 2 }] }]);
  expect(await engine.rowcast.syncs.find(names.sync)).toBeNull();
  expect(await engine.rowcast.destinations.find(names.destination)).toBeNull();

  await rowcast('apply', '-f', writeFile(engine, names, { query: QUERY, enabled: false }));
  const { until: lastSyncTime } = await engine.run(names.sync);
  expect(await previewOf(names.sync, '-f', file)).toMatchObject({ since: lastSyncTime, rows: [] });
});

test('a row with a problem is shown with it, and a problem of the whole query in one sentence', async () => {
  const names = namesOf(engine, 'problems');
  const bad = `SELECT n AS "userId", CASE n WHEN 2 THEN 'soon' END AS timestamp FROM generate_series(1, 3) n`;
  const { rows } = await previewOf(names.sync, '-f', writeFile(engine, names, { query: bad }));
  expect(rows).toMatchObject([
    { row: 1, call: { userId: '1' } },
    {
      row: 2,
      data: { userId: 2, timestamp: 'soon' },
      message: expect.stringContaining('timestamp') as unknown,
    },
    { row: 3, call: { userId: '3' } },
  ]);
  expect(rows[1]).not.toHaveProperty('call');
  const shown = await rowcast('sync', 'preview', '-f', writeFile(engine, names, { query: bad }));
  expect(shown.stdout).toMatch(/^ {2}PROBLEM [a-z_]+: .*timestamp/m);

  for (const [query, words] of [
    ['SELEC 1', /syntax error/],
    ['SELECT 1 AS note', /userId/],
    ['SELECT 1 AS "userId", 2 AS cart, 3 AS "cart.id"', /cart.*cart\.id/s],
    ['DELETE FROM pg_class', /a sync only reads/],
    ['SELECT gone FROM nowhere', /nowhere/],
  ] as const) {
    const { code, stdout, stderr } = await rowcast(
      'sync',
      'preview',
      '-f',
      writeFile(engine, names, { query }),
    );
    expect({ query, code, stdout }).toEqual({ query, code: 1, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/bug in Rowcast|^ +at /m);
  }
});

test("no value of a row lies readable in Temporal's history", async () => {
  // Put together by the database, so that the query itself does not hold it.
  const query = `SELECT 'marked' || '-' || 'row' AS "userId", 'bad' || '-' || 'moment' AS timestamp UNION ALL SELECT 'marked' || '-' || 'row', null`;
  const name = await engine.sync({ name: 'sealed', query });
  expect(JSON.stringify(await previewOf(name))).toMatch(/marked-row.*bad-moment|bad-moment.*marked-row/);
  const failing = await engine.sync({
    name: 'sealed-error',
    query: `SELECT ('marked' || '-' || 'row')::int AS "userId"`,
  });
  expect((await rowcast('sync', 'preview', failing)).stderr).toContain('marked-row');

  let histories = 0;
  for await (const { workflowId, runId } of engine.temporal.workflow.list({
    query: `WorkflowType = 'preview'`,
  })) {
    if (!workflowId.startsWith('rowcast-preview-sealed')) continue;
    const history = await engine.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    const readable = textsOf(history).join('\n');
    expect(readable).toContain('userId');
    expect(readable).not.toMatch(/marked-row|bad-moment/);
    histories += 1;
  }
  expect(histories).toBe(2);
});

test('a preview stops its query on the server after its rows, and when nobody waits for it any more', async () => {
  const long = await engine.sync({
    name: 'long',
    query: 'SELECT n AS "userId", pg_sleep(0.01)::text AS slept FROM generate_series(1, 1000000) n',
  });
  expect((await previewOf(long, '--limit', '5')).rows).toHaveLength(5);
  await until(async () => (await statements()) === 0);

  const stuck = await engine.sync({ name: 'stuck', query: 'SELECT pg_sleep(600)::text AS "userId"' });
  const { child, ended } = startRowcast(engine.env, 'sync', 'preview', stuck);
  await until(async () => (await statements()) > 0);
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 1, stdout: '' });
  await until(async () => (await statements()) === 0);
});

test('what the worker lacks or cannot reach is named', async () => {
  const messageOf = async (source: Record<string, unknown>) => {
    const name = await engine.sync({ name: 'lacking', query: QUERY, source, test: false });
    return (await rowcast('sync', 'preview', name)).stderr;
  };
  expect(await messageOf({ password: { secret: 'never-given' } })).toMatch(/ROWCAST_SECRET_NEVER_GIVEN/);
  expect(await messageOf({ database: 'nowhere' })).toMatch(/nowhere/);
  expect(await messageOf({ port: 1 })).toMatch(/127\.0\.0\.1:1 cannot be reached/);
  expect(await messageOf({ tls: 'verify' })).toMatch(/TLS/);
});

/** Every text of a history, payloads among them. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(textsOf);
}

const WITH_NULLS = `SELECT n AS "userId", n * 10 AS "cart.price", CASE n WHEN 1 THEN '10.0.0.1' END AS "context.ip"
  FROM generate_series(1, 40) n`;

test('the first calls of a run are shown beside their rows, with where each column went and what was left out', async () => {
  const { run, sync } = await engine.run(
    await engine.sync({ name: 'kept', query: WITH_NULLS, keepCalls: 3 }),
  );
  const placements = [
    { column: 'userId', path: ['userId'], why: 'userId is reserved' },
    { column: 'cart.price', path: ['traits', 'cart', 'price'], why: expect.any(String) as string },
    { column: 'context.ip', path: ['context', 'ip'], why: 'context is reserved' },
  ];
  // As many as the sync keeps, and not as many of each lane.
  const calls = [1, 2, 3].map((row) => ({
    row,
    data: { userId: String(row), 'cart.price': row * 10 },
    call: { type: 'identify', userId: String(row), traits: { cart: { price: row * 10 } } },
    leftOut: row === 1 ? [] : ['context.ip'],
  }));
  const all: unknown = JSON.parse((await rowcast('import', 'calls', run, '--json')).stdout);
  expect(all).toMatchObject({ placements, calls });
  expect(await engine.rowcast.imports.placements(run)).toEqual(placements);
  const lines = (await rowcast('import', 'calls', run, '--format', 'ndjson')).stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject(calls);

  const { stdout } = await rowcast('import', 'calls', run);
  expect(stdout).toMatch(/^COLUMN +GOES TO +WHY\nuserId +userId +userId is reserved$/m);
  expect(stdout).toMatch(/^cart.price +traits\.cart\.price +not reserved, so a trait, nested by its dots$/m);
  expect(stdout).toMatch(/^context\.ip +context\.ip +context is reserved$/m);
  expect(stdout).toMatch(
    /^row 2\n {2}data {2}\{.*\n {2}call {2}\{.*\n {2}left out, since NULL: context\.ip$/m,
  );

  // What 0.4.0 stored says neither.
  const folder = join(engine.storage, runFolder(sync, run));
  const index = JSON.parse(readFileSync(join(folder, 'import.json'), 'utf8')) as RunFiles;
  writeFileSync(
    join(folder, 'import.json'),
    JSON.stringify({ ...index, manifest: undefined, keepCalls: undefined }),
  );
  for (const file of index.callFiles.map((key) => join(engine.storage, key)))
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/,"leftOut":\[[^\]]*\]/g, ''));
  const old = await rowcast('import', 'calls', run);
  expect(old).toMatchObject({ code: 0, stderr: '' });
  expect(old.stdout).toMatch(/^\nrow 1\n {2}data/);
  expect(old.stdout).not.toContain('left out');
  expect(await engine.rowcast.imports.placements(run)).toEqual([]);
});
