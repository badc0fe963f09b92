import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../client/index.ts';
import type { ImportRecord } from '../../client/index.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { until } from '../until.ts';
import { changeState } from './copiedState.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Imports that are no longer among the newest hundred of their sync. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const QUERY = 'SELECT 1 AS "userId", {{last_sync_time}} AS since';

/** Makes a sync one that has run so often, once a minute: its copy in storage, with which it comes back, says so. */
async function ageBy(
  name: string,
  runs: number,
  empty: (minute: number) => boolean,
): Promise<ImportRecord[]> {
  const first = await engine.run(name);
  const old = Array.from({ length: runs }, (_import, minute): ImportRecord => {
    const startedAt = new Date(Date.parse('2026-01-01T00:00:00Z') + minute * 60_000).toISOString();
    const rows = empty(minute) ? 0 : 1;
    const run = `rowcast-run-${name}-${startedAt.slice(0, 19)}Z~${minute}`;
    const failure = { outcome: 'failed', errorCode: 'gave_up', error: 'as a test has it' } as const;
    return { ...first, run, startedAt, rows, delivered: rows, ...(minute % 25 === 0 ? failure : {}) };
  });
  const imports = [...old, first];
  await changeState(engine, name, (state) => ({
    ...state,
    imports: imports.slice(-100),
    outgoing: imports.slice(0, -100),
  }));
  return imports;
}

const archivedOf = async (name: string) => (await engine.rowcast.syncs.get(name)).archived;
const runsOf = (imports: readonly ImportRecord[]) => imports.map(({ run }) => run);

test('imports that a sync no longer holds stay in its list, by outcome and time too, page after page, and each can be asked for', async () => {
  const name = await engine.sync({ name: 'old', query: QUERY });
  const old = await ageBy(name, 149, () => false);
  await until(async () => (await archivedOf(name)) === 50);
  const newest = await engine.run(name);
  const all = [...old, newest].reverse();
  expect(runsOf(await Array.fromAsync(engine.rowcast.imports.list(name)))).toEqual(runsOf(all));

  const paged: ImportRecord[] = [];
  for (let pageToken: string | null | undefined; pageToken !== null;) {
    const page = await engine.rowcast.imports.page({
      sync: name,
      limit: 40,
      ...(pageToken ? { pageToken } : {}),
    });
    paged.push(...page.items);
    pageToken = page.nextPageToken;
  }
  expect(paged).toEqual(all);

  const request = { sync: name, outcome: 'failed', until: '2026-01-01T02:00:00.000Z', limit: 3 } as const;
  const { items, nextPageToken } = await engine.rowcast.imports.page(request);
  expect(items.map(({ startedAt }) => startedAt.slice(11, 16))).toEqual(['01:40', '01:15', '00:50']);
  const { items: others } = await engine.rowcast.imports.page({ ...request, pageToken: nextPageToken ?? '' });
  expect(others.map(({ startedAt }) => startedAt.slice(11, 16))).toEqual(['00:25', '00:00']);
  expect(await engine.rowcast.imports.get(old[7]!.run)).toEqual(old[7]);
  expect(await engine.rowcast.imports.get(old[7]!.run.split('~')[0]!)).toEqual(old[7]);

  const listed = await runRowcast(
    engine.env,
    ...['import', 'list', name, '--outcome', 'failed', '--until', '2026-01-01T01:00Z', '--limit', '2'],
  );
  expect(listed.code).toBe(0);
  expect(listed.stdout.match(/2026-01-01 00:\d\d/g)).toEqual(['2026-01-01 00:50', '2026-01-01 00:25']);
  const [, token = ''] = /--page-token '([^']+)'/.exec(listed.stderr) ?? [];
  const rest = await runRowcast(
    engine.env,
    'import',
    'list',
    name,
    '--outcome',
    'failed',
    '--page-token',
    token,
  );
  expect(rest.stdout.match(/2026-01-01 00:\d\d/g)).toEqual(['2026-01-01 00:00']);
  expect(rest.stderr).toBe('');
});

test('a client that cannot see the storage lists the newest, and says where the older ones are', async () => {
  const name = await engine.sync({ name: 'elsewhere', query: QUERY });
  await ageBy(name, 149, () => false);
  await until(async () => (await archivedOf(name)) === 50);
  await using rowcast = await connect({ env: { ...engine.env, ROWCAST_STORAGE: `${engine.storage}-other` } });
  const page = await rowcast.imports.page({ sync: name, limit: 1_000 });
  expect(page.items).toHaveLength(100);
  const older = await failureOf(rowcast.imports.page({ sync: name, pageToken: page.nextPageToken ?? '' }));
  expect(older.code).toBe('storage_mismatch');
  expect(older.message).toContain(`(${engine.storage} on its worker)`);
});

test('empty intervals leave nothing in storage', async () => {
  const name = await engine.sync({ name: 'empty', query: QUERY });
  await ageBy(name, 99, (minute) => minute % 25 !== 0);
  for (let runs = 0; runs < 3; runs += 1) await engine.run(name);
  const page = await engine.rowcast.imports.page({ sync: name, limit: 1_000 });
  // Of the three that went, one had failed.
  expect(page).toMatchObject({ nextPageToken: null });
  expect(page.items).toHaveLength(101);
});

test('a storage that cannot take imports gets them later, and those of a sync that is deleted go with it', async () => {
  const name = await engine.sync({ name: 'later', query: QUERY });
  const folder = join(engine.storage, 'imports');
  if (existsSync(folder)) renameSync(folder, `${folder}-away`);
  writeFileSync(folder, 'no folder');
  const old = await ageBy(name, 149, () => false);
  await sleep(1_500);
  expect(await archivedOf(name)).toBe(0);
  expect(await Array.fromAsync(engine.rowcast.imports.list(name))).toHaveLength(old.length);
  rmSync(folder);
  if (existsSync(`${folder}-away`)) renameSync(`${folder}-away`, folder);
  await until(async () => (await archivedOf(name)) === 50);
  expect(await Array.fromAsync(engine.rowcast.imports.list(name))).toHaveLength(old.length);
  expect(readdirSync(join(folder, name))).toHaveLength(1);
  await engine.rowcast.syncs.delete(name);
  expect(existsSync(join(folder, name))).toBe(false);
});
