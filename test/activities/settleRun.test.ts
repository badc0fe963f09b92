import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, expect, test } from 'vitest';
import { readWorkerSettings } from '../../activities/settings.ts';
import { settleRun } from '../../activities/settleRun.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';

/* What a run leaves in storage, also where it was ended while it tidied up. */

const folder = mkdtempSync(join(tmpdir(), 'rowcast-settle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = readWorkerSettings({});

test('what a run had staged that was terminated while it tidied up goes with the next run', async () => {
  const storage = await openLocalStorage(folder);
  const settle = (over: Storage, run: string, callFiles: string[]) =>
    new MockActivityEnvironment().run(
      settleRun,
      { storage: over, settings },
      { folder: `runs/people/${run}`, errorFiles: [], callFiles },
    );
  for (const name of ['calls', 'chunk-1', 'chunk-2'])
    await storage.put(`runs/people/first/${name}`, Buffer.from('x'));
  const dies: Storage = {
    identity: storage.identity,
    put: (key, body) => storage.put(key, body),
    get: (key, from) => storage.get(key, from),
    list: (below) => storage.list(below),
    scratch: () => storage.scratch(),
    remove: (key) => storage.remove(key),
    removeObjects: async ([first = '']) => {
      await storage.removeObjects([first]);
      throw new Error('killed');
    },
  };
  await expect(settle(dies, 'first', ['runs/people/first/calls'])).rejects.toThrow('killed');

  await storage.put('runs/people/second/calls', Buffer.from('x'));
  await settle(storage, 'second', ['runs/people/second/calls']);
  expect(await storage.list('runs/people')).toEqual([
    'runs/people/second/calls',
    'runs/people/second/import.json',
  ]);
});

test('a run is settled where an attempt that was taken for dead has settled it in the same moment', async () => {
  const storage = await openLocalStorage(folder);
  const [calls, index] = ['runs/people/third/calls', 'runs/people/third/import.json'];
  await storage.put(calls, Buffer.from('x'));
  const late: Storage = {
    identity: storage.identity,
    get: (key, from) => storage.get(key, from),
    list: (below) => storage.list(below),
    scratch: () => storage.scratch(),
    remove: (key) => storage.remove(key),
    removeObjects: (keys) => storage.removeObjects(keys),
    async put(key, body) {
      await storage.put(key, body); // The other attempt’s.
      await storage.put(key, body);
    },
  };
  await new MockActivityEnvironment().run(
    settleRun,
    { storage: late, settings },
    { folder: 'runs/people/third', errorFiles: [], callFiles: [calls] },
  );
  expect(await storage.list('runs/people/third')).toEqual([calls, index]);
});
