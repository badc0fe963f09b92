import { expect, test } from 'vitest';
import { writeImports } from '../../storage/importSegments.ts';
import { NOTHING_SWEPT, sweepSync } from '../../storage/sweep.ts';
import type { SyncKeep } from '../../storage/sweep.ts';
import type { Storage } from '../../storage/storage.ts';
import { testStorage } from './folder.ts';

/* What is removed of a sync's runs, and what stays. */

const NOW_MS = Date.parse('2026-11-25T12:00:00Z');
const DAY_MS = 86_400_000;
const KEEP: SyncKeep = {
  ...{ sync: 'people', importsMs: 400 * DAY_MS, errorsMs: 14 * DAY_MS, callsMs: 7 * DAY_MS },
  running: null,
};

/** The folder of a run that began so many days ago. */
function folderOf(days: number, execution = 'e'): string {
  const at = new Date(NOW_MS - days * DAY_MS).toISOString().slice(0, 19).replaceAll(':', '');
  return `runs/people/rowcast-run-people-${at}Z=${execution}`;
}

/** A run that settled, with one file of errors and one of calls. */
async function settled(storage: Storage, folder: string): Promise<void> {
  const [errors, calls] = [`${folder}/errors/0.ndjson`, `${folder}/calls/0.ndjson`];
  for (const key of [errors, calls]) await storage.put(key, Buffer.from('{}\n'));
  const index = { version: 1, errorFiles: [errors], callFiles: [calls] };
  await storage.put(`${folder}/import.json`, Buffer.from(JSON.stringify(index)));
}

async function lost(storage: Storage, folder: string): Promise<void> {
  for (const key of ['manifest.json', 'chunks/0-000000']) {
    await storage.put(`${folder}/attempt/${key}`, Buffer.from('x'));
  }
}

test('calls and errors go when their time is over, and the rest of a run with the last of them', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const [fresh, week, fortnight] = [folderOf(6), folderOf(8), folderOf(15)];
  for (const folder of [fresh, week, fortnight]) await settled(storage, folder);
  const swept = { ...NOTHING_SWEPT, errors: 1, calls: 2, objects: 4 };
  expect(await sweepSync(storage, KEEP, NOW_MS)).toEqual(swept);
  const left = [`${fresh}/calls/0.ndjson`, `${fresh}/errors/0.ndjson`, `${fresh}/import.json`];
  const weekLeft = [`${week}/errors/0.ndjson`, `${week}/import.json`];
  expect(await storage.list('runs')).toEqual([...weekLeft, ...left].sort());
  expect(await sweepSync(storage, KEEP, NOW_MS)).toEqual(NOTHING_SWEPT);

  // Seven days later the errors of the one of a week are due, too.
  expect(await sweepSync(storage, KEEP, NOW_MS + 7 * DAY_MS)).toEqual({
    ...{ ...NOTHING_SWEPT, errors: 1, calls: 1, objects: 3 },
  });
  expect(await storage.list('runs')).toEqual([`${fresh}/errors/0.ndjson`, `${fresh}/import.json`]);
});

test('what a retry kept goes as a whole, the rows that it left alone and what describes them too', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const folder = folderOf(15).replace('Z=', 'Z-retry=');
  const files = {
    errorFiles: [`${folder}/errors/0.ndjson`],
    untriedFiles: [`${folder}/untried/0.ndjson`],
    callFiles: [`${folder}/calls/0.ndjson`],
    manifest: `${folder}/manifest.json`,
  };
  for (const key of Object.values(files).flat()) await storage.put(key, Buffer.from('{}\n'));
  await storage.put(`${folder}/import.json`, Buffer.from(JSON.stringify({ version: 1, ...files })));
  const callsOnly = { ...KEEP, errorsMs: 20 * DAY_MS };
  expect(await sweepSync(storage, callsOnly, NOW_MS)).toEqual({ ...NOTHING_SWEPT, calls: 1, objects: 1 });
  expect(await storage.list(folder)).toHaveLength(4);
  expect(await sweepSync(storage, KEEP, NOW_MS)).toEqual({ ...NOTHING_SWEPT, errors: 1, objects: 4 });
  expect(await storage.list('runs')).toEqual([]);
});

test('what a lost run left goes after days; the run under way stays, however long it takes, and so does what nobody knows', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const [young, old, running, unknown] = [folderOf(3), folderOf(5), folderOf(30), 'runs/people/by-hand'];
  for (const folder of [young, old, running, unknown]) await lost(storage, folder);
  const swept = await sweepSync(storage, { ...KEEP, running }, NOW_MS);
  expect(swept).toEqual({ ...NOTHING_SWEPT, lost: 1, objects: 2 });
  const left = new Set((await storage.list('runs')).map((key) => key.split('/').slice(0, 3).join('/')));
  expect(left).toEqual(new Set([young, running, unknown]));
});

test('a backfill of the past is as old as its own execution', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const milliseconds = (NOW_MS - DAY_MS).toString(16).padStart(12, '0');
  const execution = `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7050-a177-e73256e3e3f1`;
  await settled(storage, folderOf(100, execution));
  await lost(storage, folderOf(200, execution));
  expect(await sweepSync(storage, KEEP, NOW_MS)).toEqual(NOTHING_SWEPT);
});

test('a sweep that died before a run’s folder was empty is finished by the next one', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const folder = folderOf(15);
  await settled(storage, folder);
  const dies: Storage = {
    identity: storage.identity,
    get: (key) => storage.get(key),
    put: (key, body) => storage.put(key, body),
    list: (below) => storage.list(below),
    scratch: () => storage.scratch(),
    removeObjects: (keys) => storage.removeObjects(keys),
    remove: () => Promise.reject(new Error('killed')),
  };
  await expect(sweepSync(dies, KEEP, NOW_MS)).rejects.toThrow('killed');
  expect(await storage.list('runs')).toEqual([`${folder}/import.json`]);
  await sweepSync(storage, KEEP, NOW_MS);
  expect(await storage.list('runs')).toEqual([]);
});

test('old imports go once the last of an object is too old, and other syncs’ files are left alone', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const importsOf = (...days: number[]) =>
    days.map((ago) => {
      const startedAt = new Date(NOW_MS - ago * DAY_MS).toISOString();
      return { run: `run-${ago}`, startedAt, outcome: 'succeeded' };
    });
  for (const sync of ['people', 'orders']) {
    await writeImports(storage, sync, importsOf(500, 401));
    await writeImports(storage, sync, importsOf(450, 399));
  }
  const swept = await sweepSync(storage, KEEP, NOW_MS);
  expect(swept).toEqual({ ...NOTHING_SWEPT, imports: 1, objects: 1 });
  expect(await storage.list('imports/people')).toHaveLength(1);
  expect(await storage.list('imports/orders')).toHaveLength(2);
});
