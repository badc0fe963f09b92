import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRowcast, startRowcast } from '../cli/command.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { until } from '../until.ts';

/* Syncs and their runs, as the command lists, runs and shows them. */

let engine: Engine;
beforeAll(async () => {
  // Small pages, so that a run shows how far it is while it reads.
  engine = await startEngine({ env: { ROWCAST_PAGE_ROWS: '200' } });
});
afterAll(() => engine[Symbol.asyncDispose]());

const GOOD = 'SELECT n AS "userId", {{last_sync_time}} AS since FROM generate_series(1, 3) n';
/** Its second row has a timestamp that is none. */
const ONE_BAD = `SELECT n AS "userId", CASE n WHEN 2 THEN 'soon' ELSE '2027-01-01T00:00:00Z' END AS timestamp,
  E'red \\u001b[31m, "quoted", \\u009b and, comma' AS note FROM generate_series(1, 3) n`;
const FAILING = 'SELECT 1 / (n - 1) AS "userId" FROM generate_series(1, 3) n';
const SLOW = `SELECT n AS "userId", pg_sleep(0.2)::text AS slept FROM generate_series(1, 100000) n`;

const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
const parsed = (text: string): unknown => JSON.parse(text);
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/; // eslint-disable-line no-control-regex -- what is looked for

const IMPORT_KEYS = [
  ...[
    'run',
    'sync',
    'outcome',
    'trigger',
    'startedAt',
    'endedAt',
    'since',
    'until',
    'rows',
    'delivered',
    'failed',
  ],
  ...['skippedIntervals', 'errorCode', 'error', 'warnings'],
].sort();
const SYNC_KEYS = [
  ...[
    'name',
    'title',
    'integration',
    'type',
    'enabled',
    'every',
    'cron',
    'lastRunAt',
    'nextRunAt',
    'lastSyncTime',
  ],
  'lastOutcome',
  'lost',
].sort();

async function importOf(name: string, ...flags: string[]) {
  const { code, stdout, stderr } = await rowcast('sync', 'run', name, '--wait', '--json', ...flags);
  return { code, stderr, record: parsed(stdout) as Record<string, unknown> };
}

test('without a sync and without a run, every listing says so', async () => {
  expect(await rowcast('sync', 'list')).toMatchObject({
    code: 0,
    stdout: 'There is no sync yet; create some with `rowcast apply -f rowcast.yaml`.\n',
  });
  expect(await rowcast('sync', 'list', '--json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  expect(await rowcast('import', 'list', '--json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  expect(await rowcast('import', 'list')).toMatchObject({ code: 0, stdout: 'No run yet.\n' });
});

test('a sync is listed with exactly the fields that are promised, before and after its first run', async () => {
  const name = await engine.sync({ name: 'listed', query: GOOD, title: 'Listed' });
  const listed = async () => {
    const list = parsed((await rowcast('sync', 'list', '--json')).stdout) as Record<string, unknown>[];
    return list.find((sync) => sync['name'] === name) ?? {};
  };
  const before = await listed();
  expect(Object.keys(before).sort()).toEqual(SYNC_KEYS);
  expect(before).toMatchObject({
    title: 'Listed',
    type: 'identify',
    enabled: false,
    every: '1 hour',
    cron: null,
    lastRunAt: null,
    nextRunAt: null,
    lastSyncTime: 0,
    lastOutcome: null,
    lost: false,
  });

  const { record } = await importOf(name);
  await rowcast('sync', 'enable', name);
  const after = await listed();
  expect(Object.keys(after).sort()).toEqual(SYNC_KEYS);
  expect(after).toMatchObject({
    enabled: true,
    lastRunAt: record['startedAt'],
    nextRunAt: expect.stringMatching(UTC) as unknown,
    lastSyncTime: record['until'],
    lastOutcome: 'succeeded',
  });
  await rowcast('sync', 'disable', name);
  const { stdout } = await rowcast('sync', 'list');
  expect(stdout).toMatch(new RegExp(`^${name} +identify +\\S+ +no +every 1 hour +20.*Z +succeeded +-$`, 'm'));
});

test('an import has exactly the fields that are promised, whatever became of the run', async () => {
  const name = await engine.sync({ name: 'good', query: GOOD });
  // Intervals count from the second of creation; a run of that second could be one.
  await sleep(1_100);
  const good = await importOf(name);
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(Object.keys(good.record).sort()).toEqual(IMPORT_KEYS);
  expect(good.record).toMatchObject({
    outcome: 'succeeded',
    trigger: 'manual',
    startedAt: expect.stringMatching(UTC) as unknown,
    endedAt: expect.stringMatching(UTC) as unknown,
    since: 0,
    until: expect.any(Number) as unknown,
    rows: 3,
    delivered: 3,
    failed: 0,
    skippedIntervals: 0,
    errorCode: null,
    error: null,
    warnings: [],
  });
  expect(Number.isInteger(good.record['until'])).toBe(true);

  const failed = await importOf(await engine.sync({ name: 'failed', query: FAILING }));
  expect(failed).toMatchObject({ code: 1, stderr: '' });
  expect(Object.keys(failed.record).sort()).toEqual(IMPORT_KEYS);
  expect(failed.record).toMatchObject({ outcome: 'failed', errorCode: 'query_failed', rows: null });
  expect(failed.record['error']).toContain('division by zero');
});

test('a run with a failed row is good enough, unless --strict', async () => {
  const name = await engine.sync({ name: 'one-bad', query: ONE_BAD });
  expect(await importOf(name)).toMatchObject({
    code: 0,
    record: { outcome: 'succeeded_with_errors', failed: 1 },
  });
  expect(await importOf(name, '--strict')).toMatchObject({
    code: 1,
    record: { outcome: 'succeeded_with_errors' },
  });
});

test('a run that is cancelled while it is waited for ends with exit code 1', async () => {
  const name = await engine.sync({ name: 'stopped', query: SLOW });
  const { ended } = startRowcast(engine.env, 'sync', 'run', name, '--wait', '--json');
  let run = '';
  await until(async () => {
    run = (await engine.rowcast.syncs.get(name)).running?.run ?? '';
    return run !== '';
  });
  const listed = parsed((await rowcast('import', 'list', name, '--json')).stdout) as Record<
    string,
    unknown
  >[];
  expect(Object.keys(listed[0] ?? {}).sort()).toEqual(IMPORT_KEYS);
  expect(listed).toMatchObject([{ run, outcome: 'running', endedAt: null, until: null, delivered: null }]);
  expect(await rowcast('sync', 'run', name)).toEqual({
    code: 0,
    stdout: `A run is under way already, so none was started: ${run}\n`,
    stderr: '',
  });
  await engine.cancel(run);
  const { code, stdout } = await ended;
  expect({ code, record: parsed(stdout) }).toMatchObject({ code: 1, record: { run, outcome: 'cancelled' } });
});

test('Ctrl-C ends the waiting in one sentence, and the run goes on', async () => {
  const name = await engine.sync({ name: 'left', query: SLOW });
  const { child, ended } = startRowcast(engine.env, 'sync', 'run', name, '--wait');
  let said = '';
  child.stdout?.on('data', (data: Buffer) => (said += String(data)));
  await until(() => said.includes('Started'));
  child.kill('SIGINT');
  expect(await ended).toMatchObject({
    code: 1,
    stderr: 'Interrupted. What was started in Temporal goes on.\n',
  });
  const run = / (\S+)$/m.exec(said)?.[1] ?? '';
  await until(async () => (await engine.rowcast.syncs.get(name)).running?.run === run);
  await engine.cancel(run);
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'cancelled' });
});

test('a watched run shows how far it is, in few lines without control characters where nobody watches', async () => {
  const query = `SELECT n AS "userId", CASE WHEN n % 300 = 0 THEN pg_sleep(0.5)::text END AS slept FROM generate_series(1, 3000) n`;
  const name = await engine.sync({ name: 'watched', query });
  const { code, stdout } = await rowcast('sync', 'run', name, '--watch');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Started rowcast-run-watched-/);
  expect(stdout).toMatch(/^reading: [\d,]+ rows(, [\d,]+\/s)?$/m);
  expect(stdout).not.toContain('reading: 0 rows');
  expect(stdout).toMatch(
    new RegExp(`^${name}: succeeded, 3,000 rows read, 3,000 delivered, 0 failed, took `, 'm'),
  );
  expect(stdout).not.toMatch(CONTROL);
});

test('imports are listed newest first, up to a limit, and shown by a whole or a short name', async () => {
  const name = await engine.sync({ name: 'several', query: GOOD });
  const runs: unknown[] = [];
  for (let count = 0; count < 3; count += 1) runs.unshift((await importOf(name)).record['run']);
  const list = async (...args: string[]) =>
    (parsed((await rowcast('import', 'list', ...args, '--json')).stdout) as { run: string }[]).map(
      ({ run }) => run,
    );
  expect(await list(name)).toEqual(runs);
  expect(await list(name, '--limit', '2')).toEqual(runs.slice(0, 2));
  expect((await list()).slice(0, 3)).toEqual(runs);

  const whole = String(runs[0]);
  const [short = ''] = whole.split('~');
  for (const run of [whole, short]) {
    const { code, stdout } = await rowcast('import', 'show', run, '--json');
    expect(code).toBe(0);
    expect(parsed(stdout)).toMatchObject({ run: whole, outcome: 'succeeded' });
  }
  expect((await rowcast('import', 'show', short)).stdout).toContain(`\n  run      ${whole}\n`);
  expect((await rowcast('import', 'list', name)).stdout).toContain(`  ${short}\n`);
  for (const run of ['nobody', '']) {
    expect(await rowcast('import', 'show', run)).toEqual({
      code: 1,
      stdout: '',
      stderr: `There is no import of a run "${run}"; \`rowcast import list\` shows the newest.\n`,
    });
  }
  expect(await rowcast('import', 'list', 'nobody')).toMatchObject({ code: 1, stdout: '' });
});

test('failed rows are told in groups and one by one in three formats', async () => {
  const { record } = await importOf(await engine.sync({ name: 'errors', query: ONE_BAD }));
  const run = String(record['run']);

  const ndjson = await rowcast('import', 'errors', run, '--format', 'ndjson');
  const lines = ndjson.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  const [error] = lines.map(parsed) as Record<string, unknown>[];
  expect(Object.keys(error ?? {}).sort()).toEqual(['code', 'data', 'message', 'row']);
  expect(error).toMatchObject({
    row: 2,
    data: { userId: 2, timestamp: 'soon', note: 'red \u001b[31m, "quoted", \u009b and, comma' },
  });
  expect(error?.['message']).toContain('timestamp');

  const csv = await rowcast('import', 'errors', run, '--format', 'csv');
  const [heading, line] = csv.stdout.split('\n');
  expect(heading).toBe('\ufeffrow,code,message,data.userId,data.timestamp,data.note,call');
  expect(line).toMatch(/^2,invalid_timestamp,"The timestamp ""soon"" is .*",2,soon,"red /);

  const table = await rowcast('import', 'errors', run, '--format', 'table');
  expect(table.stdout).toMatch(/^ROW +CODE +WHAT IS WRONG +DATA$/m);
  const groups = await rowcast('import', 'errors', run);
  expect(groups.stdout).toMatch(/^ROWS +CODE +WHAT IS WRONG +SUCH AS$/m);
  expect(groups.stdout).toMatch(
    /^1 +invalid_timestamp +The timestamp "soon" is not a date-time, +row 2: \{"userId"/m,
  );
  expect(groups.stdout).toContain(`\nEach row: rowcast import errors ${run.split('~')[0]!} --format csv\n`);
  for (const { stdout } of [table, groups]) {
    for (const shown of stdout.split('\n').filter((text) => !text.startsWith('Each row')))
      expect(shown.length).toBeLessThanOrEqual(100);
    expect(stdout).toContain('…');
  }
  for (const { stdout } of [ndjson, csv, table, groups]) expect(stdout).not.toMatch(CONTROL);
  expect(parsed((await rowcast('import', 'errors', run, '--json')).stdout)).toMatchObject([
    { code: 'invalid_timestamp', rows: 1, example: { row: 2, data: { timestamp: 'soon' } } },
  ]);

  const good = await importOf(await engine.sync({ name: 'none', query: GOOD }));
  expect((await rowcast('import', 'errors', String(good.record['run']))).stdout).toBe('No row failed.\n');
});

test('a storage that this machine cannot see is named by what asks for its rows', async () => {
  const { record } = await importOf(await engine.sync({ name: 'afar', query: ONE_BAD }));
  const afar = { ...engine.env, ROWCAST_STORAGE: `${engine.storage}-elsewhere` };
  const { code, stdout, stderr } = await runRowcast(afar, 'import', 'errors', String(record['run']));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^The rows of afar-.* are in the storage .*; set ROWCAST_STORAGE to the former, .*\n$/,
  );
});

test('where no worker is running the command says so instead of waiting', async () => {
  const lonely = { ...engine.env, ROWCAST_TASK_QUEUE: 'nobody-polls-this' };
  for (const command of [
    ['sync', 'show', 'people'],
    ['sync', 'run', 'people'],
    ['sync', 'preview', 'people'],
  ]) {
    const { code, stdout, stderr } = await runRowcast(lonely, ...command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^No worker is polling the task queue nobody-polls-this .*; start one with `npx rowcast worker`\.\n$/,
    );
  }
});

test('a glance shows each sync, how far behind it is, and what is wrong with it', async () => {
  const good = await engine.sync({ name: 'fine', query: GOOD });
  const bad = await engine.sync({ name: 'broken', query: FAILING });
  expect((await importOf(good)).code).toBe(0);
  for (let failed = 0; failed < 3; failed += 1) expect((await importOf(bad)).code).toBe(1);

  const { code, stdout } = await rowcast('status');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^SYNC +ENABLED +RUNS +LAST RUN +OUTCOME +BEHIND +NEXT RUN$/m);
  expect(stdout).toMatch(new RegExp(`^${good} +no +every 1 hour .* succeeded +\\d+\\.\\d s `, 'm'));
  expect(stdout).toMatch(new RegExp(`^${bad} .* failed +- `, 'm'));
  expect(stdout).toMatch(
    new RegExp(`^${bad}: The last 3 runs failed, most lately by: .*division by zero`, 'm'),
  );
  const all = parsed((await rowcast('status', '--json')).stdout) as Record<string, unknown>[];
  expect(all.find(({ name }) => name === bad)).toMatchObject({ behindSeconds: null, lastOutcome: 'failed' });
});
