import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLocalStorage, readLocalIdentity } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import { bodyOf, startChild } from './child.ts';
import { describeStorage } from './contract.ts';
import { createLocal, testFolder } from './folder.ts';

describeStorage({ name: 'a local folder', rounds: 60, create: createLocal });

const TWO_DAYS_MS = 2 * 24 * 3_600_000;

/** Makes files look as if they had been written two days ago. */
function age(...paths: string[]): void {
  const then = new Date(Date.now() - TWO_DAYS_MS);
  for (const path of paths) utimesSync(path, then, then);
}

describe('what a local storage creates', () => {
  test('is for its owner only, whatever the umask', async () => {
    for (const umask of [0o000, 0o002, 0o022, 0o027, 0o077]) {
      using folder = testFolder();
      await using child = await startChild({ umask });
      const path = folder.at('new', 'storage');
      await child.ask({ do: 'open', folder: path });
      await child.ask({ do: 'put', key: 'runs/people/chunk', bytes: 10 });
      await child.ask({ do: 'scratch', bytes: 10 });
      const made = readdirSync(folder.path, { recursive: true, encoding: 'utf8' });
      expect(made.length).toBeGreaterThan(8);
      for (const name of made) {
        const stats = statSync(folder.at(name));
        const mode = (stats.mode & 0o777).toString(8);
        expect({ umask, name, mode }).toEqual({ umask, name, mode: stats.isDirectory() ? '700' : '600' });
      }
    }
  });

  test('is nothing but what was put: folders that are empty go, and so does the scratch', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.path);
    await storage.put('runs/people/run/chunks/0', Buffer.from('x'));
    await storage.put('runs/companies/run/chunks/0', Buffer.from('x'));
    const scratch = await storage.scratch();
    await scratch.append('file', Buffer.from('x'));
    await scratch[Symbol.asyncDispose]();
    await storage.remove('runs/people/run/chunks/0');
    expect(readdirSync(folder.at('runs'))).toEqual(['companies']);
    await storage.remove('runs/companies');
    expect(readdirSync(folder.path).sort()).toEqual(['.temporary', 'storage.json']);
    expect(readdirSync(folder.at('.temporary'))).toEqual([]);
  });
});

describe('the identity of a local storage', () => {
  test('is kept in the folder, and moves with it', async () => {
    using folder = testFolder();
    const { identity } = await openLocalStorage(folder.at('here'));
    renameSync(folder.at('here'), folder.at('there'));
    expect((await openLocalStorage(folder.at('there'))).identity).toEqual({
      id: identity.id,
      location: folder.at('there'),
    });
    expect(await readLocalIdentity(folder.at('there'))).toEqual({
      id: identity.id,
      location: folder.at('there'),
    });
  });

  test('is not there before the folder is opened, and asking for it creates nothing', async () => {
    using folder = testFolder();
    expect(await readLocalIdentity(folder.at('storage'))).toBeNull();
    expect(existsSync(folder.at('storage'))).toBe(false);
  });

  test('is one however the path to it is written', async () => {
    using folder = testFolder();
    const { identity } = await openLocalStorage(folder.at('storage'));
    const storage = await openLocalStorage(`${folder.path}/./x/../storage//`);
    expect(storage.identity).toEqual(identity);
    await storage.put('runs/people/chunk', Buffer.from('x'));
    expect(await storage.list('runs')).toEqual(['runs/people/chunk']);
    await storage.remove('runs/people/chunk');
    expect(existsSync(folder.at('storage', 'runs'))).toBe(false);
  });

  test('is agreed on by processes that open a new folder at the same moment', async () => {
    const children = await Promise.all(Array.from({ length: 6 }, () => startChild()));
    try {
      for (let round = 0; round < 20; round += 1) {
        using folder = testFolder();
        const path = folder.at('new', 'storage');
        const opened = await Promise.all(children.map((child) => child.ask({ do: 'open', folder: path })));
        const found = await readLocalIdentity(path);
        expect(opened).toEqual(children.map(() => ({ value: found?.id })));
        expect(readdirSync(join(path, '.temporary'))).toEqual([]);
      }
    } finally {
      for (const child of children) await child.kill();
    }
  });

  test('that is damaged, or of a later version, is not guessed: one sentence names the file', async () => {
    for (const content of ['', '{"version":1', '{"version":1}', '{"version":2,"id":"x"}', 'null']) {
      using folder = testFolder();
      writeFileSync(folder.at('storage.json'), content);
      const refusal = {
        code: 'storage_corrupt',
        message: `The file ${folder.at('storage.json')} is not what this version of Rowcast writes there; restore it, or set ROWCAST_STORAGE to another folder.`,
      };
      await expect(openLocalStorage(folder.path)).rejects.toMatchObject(refusal);
      await expect(readLocalIdentity(folder.path)).rejects.toMatchObject(refusal);
      expect(readFileSync(folder.at('storage.json'), 'utf8')).toBe(content);
    }
  });
});

describe('a writer that dies', () => {
  test('leaves only whole objects to be seen, and what it leaves besides is removed later', async () => {
    using folder = testFolder();
    const bytes = 8 * 1_024 * 1_024;
    let died = 0;
    let cutOff: string[] = [];
    const wholeObjects = async () => (await openLocalStorage(folder.path)).list('runs');
    while (died < 6 || cutOff.length === 0 || (await wholeObjects()).length === 0) {
      const child = await startChild();
      await child.ask({ do: 'open', folder: folder.path });
      const writing = (async () => {
        for (let file = 0; ; file += 1) await child.ask({ do: 'put', key: `runs/${died}/${file}`, bytes });
      })();
      writing.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20 + died * 17));
      await child.kill();
      died += 1;
      cutOff = readdirSync(folder.at('.temporary'));
    }

    const storage = await openLocalStorage(folder.path);
    const keys = await storage.list('runs');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(bodyOf(key, bytes).equals((await storage.get(key))!)).toBe(true);

    expect(readdirSync(folder.at('.temporary'))).toEqual(cutOff);
    age(...cutOff.map((name) => folder.at('.temporary', name)));
    await openLocalStorage(folder.path);
    expect(readdirSync(folder.at('.temporary'))).toEqual([]);
    expect(await storage.list('runs')).toEqual(keys);
  });

  test('leaves a scratch folder that is removed after a day, and one at work keeps its own', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.path);
    const newScratch = async () => {
      const before = readdirSync(folder.at('.temporary'));
      const scratch = await storage.scratch();
      await scratch.append('bucket-0', Buffer.from('x'));
      const [name = ''] = readdirSync(folder.at('.temporary')).filter((found) => !before.includes(found));
      return name;
    };
    const [abandoned, young, longAtWork] = [await newScratch(), await newScratch(), await newScratch()];
    age(folder.at('.temporary', abandoned, 'bucket-0'), folder.at('.temporary', abandoned));
    age(folder.at('.temporary', longAtWork));
    await openLocalStorage(folder.path);
    expect(readdirSync(folder.at('.temporary')).sort()).toEqual([young, longAtWork].sort());
  });
});

describe('a storage folder that changes under a worker', () => {
  /** Everything that may be asked of a storage. */
  const tasks = (storage: Storage) => ({
    put: () => storage.put('runs/people/new', Buffer.from('x')),
    get: () => storage.get('runs/people/chunk'),
    getOther: () => storage.get('runs/people/other'),
    list: () => storage.list('runs'),
    listOther: () => storage.list('state'),
    remove: () => storage.remove('runs/people/chunk'),
    scratch: () => storage.scratch(),
  });

  test('and vanishes is missed at once, is not made again, and can come back', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.at('storage'));
    await storage.put('runs/people/chunk', Buffer.from('x'));
    renameSync(folder.at('storage'), folder.at('unmounted'));
    for (const [name, task] of Object.entries(tasks(storage))) {
      await expect(task(), name).rejects.toMatchObject({
        code: 'storage_unreachable',
        message: `The storage folder ${folder.at('storage')} (${storage.identity.id}) is gone; mount or restore it, and the work goes on.`,
      });
    }
    expect(existsSync(folder.at('storage'))).toBe(false);
    // What an unmounted disk leaves is an empty folder.
    mkdirSync(folder.at('storage'));
    await expect(storage.get('runs/people/chunk')).rejects.toMatchObject({ code: 'storage_unreachable' });
    await expect(storage.put('runs/people/new', Buffer.from('x'))).rejects.toThrow('is gone');
    expect(readdirSync(folder.at('storage'))).toEqual([]);

    rmSync(folder.at('storage'), { recursive: true });
    renameSync(folder.at('unmounted'), folder.at('storage'));
    expect(String(await storage.get('runs/people/chunk'))).toBe('x');
  });

  test('and is another storage now is not read or written', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.at('storage'));
    renameSync(folder.at('storage'), folder.at('former'));
    const other = await openLocalStorage(folder.at('storage'));
    await other.put('runs/people/chunk', Buffer.from('of another'));
    for (const [name, task] of Object.entries(tasks(storage))) {
      await expect(task(), name).rejects.toMatchObject({
        code: 'storage_mismatch',
        message: `The folder ${folder.at('storage')} was the storage ${storage.identity.id}, but is ${other.identity.id} now; bring back the former, or restart the worker.`,
      });
    }
    expect(await other.list('runs')).toEqual(['runs/people/chunk']);
    expect(readdirSync(folder.at('storage', '.temporary'))).toEqual([]);
  });

  test('and loses its empty temporary folder to a cleaner goes on', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.path);
    const clean = () => rmSync(folder.at('.temporary'), { recursive: true });
    clean();
    await storage.put('runs/people/chunk', Buffer.from('x'));
    clean();
    await using scratch = await storage.scratch();
    await scratch.append('file', Buffer.from('x'));
    expect(String(await storage.get('runs/people/chunk'))).toBe('x');
  });
});

describe('what others put into a storage folder', () => {
  test('cannot be named, where it is the storage’s own', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.path);
    for (const key of ['storage.json', '.temporary', '.temporary/file']) {
      await expect(storage.get(key)).rejects.toThrow('not a storage key');
      await expect(storage.remove(key)).rejects.toThrow('not a storage key');
      await expect(storage.list(key)).rejects.toThrow('not a storage key');
    }
    expect((await openLocalStorage(folder.path)).identity).toEqual(storage.identity);
  });

  test('is not listed where its name is no key, and goes with its folder', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.path);
    await storage.put('runs/people/run/chunk', Buffer.from('x'));
    for (const name of ['chunk (copy)', 'Ünder', 'chunk~', 'line\nfeed']) {
      writeFileSync(folder.at('runs', 'people', 'run', name), 'x');
    }
    expect(await storage.list('runs')).toEqual(['runs/people/run/chunk']);
    await storage.remove('runs/people/run');
    expect(existsSync(folder.at('runs'))).toBe(false);
  });

  test('and is a symbolic link is no object: it is not followed, not overwritten, and its target is left alone', async () => {
    using folder = testFolder();
    const storage = await openLocalStorage(folder.at('storage'));
    await storage.put('runs/people/run/chunk', Buffer.from('x'));
    mkdirSync(folder.at('outside'));
    writeFileSync(folder.at('outside', 'file'), 'not to be touched');
    symlinkSync(folder.at('outside', 'file'), folder.at('storage', 'runs', 'people', 'run', 'file'));
    symlinkSync(folder.at('outside'), folder.at('storage', 'runs', 'people', 'run', 'folder'));
    symlinkSync(folder.at('nowhere'), folder.at('storage', 'runs', 'people', 'run', 'dangling'));

    expect(await storage.list('runs')).toEqual(['runs/people/run/chunk']);
    expect(await storage.get('runs/people/run/file')).toBeNull();
    for (const name of ['file', 'dangling']) {
      await expect(storage.put(`runs/people/run/${name}`, Buffer.from('y'))).rejects.toThrow(
        'never overwritten',
      );
    }
    await storage.remove('runs/people/run');
    expect(readdirSync(folder.at('outside'))).toEqual(['file']);
    expect(readFileSync(folder.at('outside', 'file'), 'utf8')).toBe('not to be touched');
    expect(existsSync(folder.at('nowhere'))).toBe(false);
  });
});

test('a symbolic link to a storage folder is that storage', async () => {
  using folder = testFolder();
  const storage = await openLocalStorage(folder.at('disk', 'storage'));
  symlinkSync(folder.at('disk', 'storage'), folder.at('link'));
  const linked = await openLocalStorage(folder.at('link'));
  expect(linked.identity).toEqual({ id: storage.identity.id, location: folder.at('link') });
  await linked.put('runs/people/chunk', Buffer.from('x'));
  expect(await linked.list('runs')).toEqual(['runs/people/chunk']);
  expect(String(await storage.get('runs/people/chunk'))).toBe('x');
  await linked.remove('runs');
  expect(await storage.list('runs')).toEqual([]);
});
