import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scheduleId } from '../../workflows/contract.ts';
import { runRowcast } from '../cli/command.ts';
import { startEngine } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { namesOf, writeFile } from './file.ts';

/* What applying a file does, and what it says. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const QUERY = 'SELECT 1 AS "userId", {{last_sync_time}} AS since';
const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);
const said = (...lines: string[]) => ({ code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' });
const scheduleOf = (sync: string) => engine.temporal.schedule.getHandle(scheduleId(sync));

test('a file is applied as its dry run said, and applied again changes nothing', async () => {
  const names = namesOf(engine, 'twice');
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  const { destination, integration, sync } = names;

  expect(await rowcast('apply', '-f', file, '--dry-run')).toEqual(
    said(
      `destination ${destination} would be created`,
      `integration ${integration} would be created`,
      `sync ${sync} would be created`,
    ),
  );
  expect(await engine.rowcast.syncs.find(sync)).toBeNull();
  expect(await engine.rowcast.destinations.find(destination)).toBeNull();

  expect(await rowcast('apply', '-f', file)).toEqual(
    said(
      `destination ${destination} created`,
      `integration ${integration} tested, created`,
      `sync ${sync} created`,
    ),
  );
  const unchanged = said(
    `destination ${destination} unchanged`,
    `integration ${integration} unchanged`,
    `sync ${sync} unchanged`,
  );
  expect(await rowcast('apply', '-f', file)).toEqual(unchanged);
  expect(await rowcast('apply', '-f', file, '--dry-run')).toEqual(unchanged);
  expect(await engine.rowcast.syncs.listing(sync)).toMatchObject({ enabled: false, lastRunAt: null });

  const { code, stdout } = await rowcast('apply', '-f', file, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(
    ['destination', 'integration', 'sync'].map((kind) => ({
      kind,
      name: sync,
      change: 'unchanged',
      changed: [],
      tested: false,
      notices: [],
    })),
  );
});

test('a changed query keeps last_sync_time and says so, and an absent key takes its default', async () => {
  const names = namesOf(engine, 'changed');
  const { sync } = names;
  await rowcast(
    'apply',
    '-f',
    writeFile(engine, names, { query: QUERY, enabled: false, nulls: 'omit', title: 'A title' }),
  );
  const { until } = await engine.run(sync);
  const file = writeFile(engine, names, { query: `${QUERY}, 2 AS two`, enabled: false });
  const notice = new RegExp(
    `^  The query changed; last_sync_time stays ${until} \\(20.*Z\\), so rows that did not change since are not sent again\\.$`,
    'm',
  );

  const foreseen = await rowcast('apply', '-f', file, '--dry-run');
  expect(foreseen.stdout).toContain(`sync ${sync} would be updated (nulls, query, title)\n`);
  expect(foreseen.stdout).toMatch(notice);
  expect((await engine.rowcast.syncs.get(sync)).definition.nulls).toBe('omit');

  const applied = await rowcast('apply', '-f', file);
  expect(applied.stdout).toContain(`sync ${sync} updated (nulls, query, title)\n`);
  expect(applied.stdout).toMatch(notice);
  const after = await engine.rowcast.syncs.get(sync);
  expect(after.lastSyncTime).toBe(until);
  expect(after.definition.nulls).toBe('send');
  expect(after.definition).not.toHaveProperty('title');
});

test('what a file no longer names stays', async () => {
  const names = namesOf(engine, 'kept');
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  await rowcast('apply', '-f', file);
  writeFileSync(file, 'version: 1\n');
  expect(await rowcast('apply', '-f', file)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await rowcast('sync', 'show', names.sync)).code).toBe(0);
});

test('a startAt in the past is refused when the sync is new, and nothing of the file is applied', async () => {
  const names = namesOf(engine, 'past');
  const { sync } = names;
  const startAt = '2020-01-01T00:00:00Z';
  const refused = {
    code: 1,
    stdout: '',
    stderr: `Nothing was applied:\n  startAt of the sync ${sync} is ${startAt}, which is past; give a later moment, or leave it out to start at once.\n`,
  };
  const file = writeFile(engine, names, { query: QUERY, startAt });
  expect(await rowcast('apply', '-f', file, '--dry-run')).toEqual(refused);
  expect(await rowcast('apply', '-f', file)).toEqual(refused);
  expect(await engine.rowcast.destinations.find(names.destination)).toBeNull();

  await rowcast('apply', '-f', writeFile(engine, names, { query: QUERY, enabled: false }));
  const { stdout } = await rowcast('apply', '-f', writeFile(engine, names, { query: QUERY, startAt }));
  expect(stdout).toContain(`sync ${sync} updated (startAt)`);
});

test('an integration that is not defined is named, and nothing of the file is applied', async () => {
  const names = namesOf(engine, 'unknown');
  const file = writeFile(engine, names, { query: QUERY, integration: 'nowhere' });
  expect(await rowcast('apply', '-f', file)).toEqual({
    code: 1,
    stdout: '',
    stderr: `Nothing was applied:\n  syncs.${names.sync}.integration: there is no integration "nowhere"; define it, or correct the name\n`,
  });
  expect(await engine.rowcast.destinations.find(names.destination)).toBeNull();
});

test('what was changed with `temporal schedule` is shown, and the file wins', async () => {
  const names = namesOf(engine, 'elsewhere');
  const { sync } = names;
  const file = writeFile(engine, names, { query: QUERY, enabled: false });
  await rowcast('apply', '-f', file);
  await scheduleOf(sync).update((current) => ({ ...current, spec: { intervals: [{ every: '3 hours' }] } }));

  const { stdout } = await rowcast('sync', 'list', '--json');
  const listed = (JSON.parse(stdout) as { name: string }[]).find(({ name }) => name === sync);
  expect(listed).toMatchObject({ every: '3 hours' });
  const notice = `  The Schedule of ${sync} had been changed elsewhere, to 3 hours; the definition wins.\n`;
  expect((await rowcast('apply', '-f', file, '--dry-run')).stdout).toContain(notice);
  expect(await engine.rowcast.syncs.listing(sync)).toMatchObject({ every: '3 hours' });
  expect((await rowcast('apply', '-f', file)).stdout).toContain(notice);
  expect(await engine.rowcast.syncs.listing(sync)).toMatchObject({ every: '1 hour' });
  expect((await rowcast('apply', '-f', file)).stdout).not.toContain(notice);
});

test('a file that enables or disables a sync says so', async () => {
  const names = namesOf(engine, 'toggled');
  const { sync } = names;
  await rowcast('apply', '-f', writeFile(engine, names, { query: QUERY, enabled: false }));
  const enabling = writeFile(engine, names, { query: QUERY, enabled: true });
  expect((await rowcast('apply', '-f', enabling, '--dry-run')).stdout).toContain(
    `sync ${sync} would be updated (enabled)\n`,
  );
  expect(await engine.rowcast.syncs.listing(sync)).toMatchObject({ enabled: false });
  expect((await rowcast('apply', '-f', enabling)).stdout).toContain(`sync ${sync} updated (enabled)\n`);
  expect(await engine.rowcast.syncs.listing(sync)).toMatchObject({ enabled: true });
  expect((await rowcast('apply', '-f', enabling)).stdout).toContain(`sync ${sync} unchanged\n`);
});

test('a sync is disabled and enabled by its name, and shown as such', async () => {
  const names = namesOf(engine, 'paused');
  const { sync } = names;
  await rowcast('apply', '-f', writeFile(engine, names, { query: QUERY, enabled: false }));
  expect(await rowcast('sync', 'enable', sync)).toEqual(
    said(`${sync} is enabled. Its next interval sends all that changed since the last sync.`),
  );
  expect((await rowcast('sync', 'show', sync)).stdout).toMatch(/^enabled +yes$/m);
  expect(await rowcast('sync', 'disable', sync)).toEqual(said(`${sync} is disabled.`));
  expect((await rowcast('sync', 'show', sync)).stdout).toMatch(/^enabled +no$/m);
  const gone = await rowcast('sync', 'disable', 'nobody');
  expect(gone).toMatchObject({ code: 1, stdout: '' });
  expect(gone.stderr).toMatch(/^There is no .*nobody.*\n$/);
});

test('what `sync show --yaml` prints is what apply finds unchanged, without defaults', async () => {
  const names = namesOf(engine, 'shown');
  const { sync } = names;
  const query = `-- who changed: "quotes", 'text' & tabs\t\nSELECT 1 AS "userId",\n  'a: b # c' AS note  \n\n`;
  const fields = {
    title: 'People: "all"',
    description: 'Two\nlines',
    every: undefined,
    cron: '0 6 * * MON',
    timezone: 'Europe/Berlin',
    query,
    nulls: 'omit',
    limits: { columnsMax: 20 },
    enabled: false,
  };
  await rowcast('apply', '-f', writeFile(engine, names, fields));
  const { stdout } = await rowcast('sync', 'show', sync, '--yaml');
  for (const key of ['lookback', 'giveUpAfter', 'keepCalls', 'rowsMax', 'name:'])
    expect(stdout).not.toContain(key);
  const file = writeFile(engine, namesOf(engine, 'other'), { query: QUERY });
  writeFileSync(file, stdout);
  expect(await rowcast('apply', '-f', file)).toEqual(said(`sync ${sync} unchanged`));
});
