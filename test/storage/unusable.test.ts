import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openLocalStorage } from '../../storage/local.ts';
import { startChild } from './child.ts';
import type { Child, Outcome } from './child.ts';
import { testFolder } from './folder.ts';
import type { TestFolder } from './folder.ts';

/* Folders that cannot be used. Each failure is one sentence that names the folder and what to do. */

const isRoot = process.getuid?.() === 0;

/** To root everything is writable: then the storage is opened by a process of another user. */
const startOrdinary = () => startChild({ nobody: isRoot });

function ownedByOrdinary(folder: TestFolder): void {
  if (isRoot) chownSync(folder.path, 65_534, 65_534);
}

function failureOf(outcome: Outcome): { readonly code: string; readonly message: string } {
  if ('code' in outcome) return outcome;
  throw new Error(`it succeeded: ${JSON.stringify(outcome.value)}`);
}

describe('a path that is no folder is refused, and left as it is:', () => {
  test('a file', async () => {
    using folder = testFolder();
    writeFileSync(folder.at('file'), 'mine');
    for (const path of [folder.at('file'), folder.at('file', 'below')]) {
      await expect(openLocalStorage(path)).rejects.toMatchObject({
        code: 'storage_unreachable',
        message: expect.stringMatching(
          new RegExp(
            `^The storage folder ${path} cannot be used, because something on its path is not a folder .*; set ROWCAST_STORAGE to another one\\.$`,
          ),
        ) as string,
      });
    }
    expect(readFileSync(folder.at('file'), 'utf8')).toBe('mine');
  });

  test('a symbolic link to nowhere', async () => {
    using folder = testFolder();
    symlinkSync(folder.at('nowhere'), folder.at('link'));
    await expect(openLocalStorage(folder.at('link'))).rejects.toMatchObject({
      code: 'storage_unreachable',
      message: expect.stringMatching(
        /^The storage folder .*\/link cannot be used.*set ROWCAST_STORAGE/,
      ) as string,
    });
    expect(readdirSync(folder.path)).toEqual(['link']);
  });
});

describe('a folder that its user', () => {
  const CANNOT_BE_USED =
    /^The storage folder \S+ cannot be used \(EACCES: .*\); make it readable and writable for the worker's user, or set ROWCAST_STORAGE to another folder\.$/;

  test('may not write to is refused when it is opened, with nothing created in it', async () => {
    using folder = testFolder();
    chmodSync(folder.path, 0o755);
    mkdirSync(folder.at('storage'));
    chmodSync(folder.at('storage'), 0o555);
    await using child = await startOrdinary();
    for (const path of [folder.at('storage'), folder.at('storage', 'below')]) {
      const failure = failureOf(await child.ask({ do: 'open', folder: path }));
      expect(failure).toEqual({
        code: 'storage_unreachable',
        message: expect.stringMatching(CANNOT_BE_USED) as string,
      });
      expect(failure.message).toContain(path);
    }
    expect(readdirSync(folder.at('storage'))).toEqual([]);
  });

  test('may only read is refused, though it is a storage', async () => {
    using folder = testFolder();
    ownedByOrdinary(folder);
    await using child = await startOrdinary();
    await child.ask({ do: 'open', folder: folder.at('storage') });
    chmodSync(folder.at('storage'), 0o500);
    const failure = failureOf(await child.ask({ do: 'open', folder: folder.at('storage') }));
    expect(failure.message).toMatch(CANNOT_BE_USED);
    chmodSync(folder.at('storage'), 0o700);
  });

  test('loses the right to, while it is at work, can be used again once it has it back', async () => {
    using folder = testFolder();
    ownedByOrdinary(folder);
    await using child = await startOrdinary();
    await child.ask({ do: 'open', folder: folder.at('storage') });
    expect(await child.ask({ do: 'put', key: 'runs/people/0', bytes: 10 })).toEqual({ value: null });
    for (const locked of [folder.at('storage'), folder.at('storage', 'runs', 'people')]) {
      chmodSync(locked, 0o000);
      for (const step of [
        { do: 'put', key: 'runs/people/1', bytes: 10 },
        { do: 'get', key: 'runs/people/0' },
        { do: 'list', key: 'runs' },
        { do: 'remove', key: 'runs/people/0' },
      ] as const) {
        const failure = failureOf(await child.ask(step));
        expect({ step, ...failure }).toEqual({
          step,
          code: 'storage_unreachable',
          message: expect.stringMatching(CANNOT_BE_USED) as string,
        });
      }
      chmodSync(locked, 0o700);
    }
    expect(await child.ask({ do: 'list', key: 'runs' })).toEqual({ value: ['runs/people/0'] });
  });
});

describe('a disk that is full', () => {
  /** A file system of half a megabyte in memory, which only a process of its own sees. */
  const onSmallDisk = (folder: TestFolder) =>
    [
      'unshare',
      '-rm',
      'sh',
      '-c',
      `mount -t tmpfs -o size=512k tmpfs ${folder.path} && exec "$@"`,
      'sh',
    ] as const;
  const [command, ...args] = onSmallDisk({ path: '/mnt' } as TestFolder);
  const canMount = spawnSync(command, [...args, 'true']).status === 0;

  const expectFull = (outcome: Outcome, folder: TestFolder) =>
    expect(failureOf(outcome)).toEqual({
      code: 'storage_full',
      message: `The storage folder ${folder.at('storage')} is full (ENOSPC); free some space, and the work goes on.`,
    });

  async function fill(child: Child, folder: TestFolder): Promise<void> {
    await child.ask({ do: 'open', folder: folder.at('storage') });
    expect(await child.ask({ do: 'put', key: 'runs/people/0', bytes: 300_000 })).toEqual({ value: null });
  }

  test.skipIf(!canMount)(
    'says so, and leaves nothing half-written (skipped where no small disk can be mounted)',
    async () => {
      using folder = testFolder();
      await using child = await startChild({ by: onSmallDisk(folder) });
      await fill(child, folder);
      for (let time = 0; time < 3; time += 1) {
        expectFull(await child.ask({ do: 'put', key: 'runs/people/1', bytes: 300_000 }), folder);
      }
      expect(await child.ask({ do: 'list', key: 'runs' })).toEqual({ value: ['runs/people/0'] });
      expect(await child.ask({ do: 'get', key: 'runs/people/0' })).toEqual({ value: 300_000 });
      // Had the failed ones left their bytes, there would be no room.
      expect(await child.ask({ do: 'put', key: 'runs/people/1', bytes: 100_000 })).toEqual({ value: null });
      await child.ask({ do: 'remove', key: 'runs/people/0' });
      expect(await child.ask({ do: 'put', key: 'runs/people/2', bytes: 300_000 })).toEqual({ value: null });
    },
  );

  test.skipIf(!canMount)(
    'says so to those who write temporary files too (skipped where no small disk can be mounted)',
    async () => {
      using folder = testFolder();
      await using child = await startChild({ by: onSmallDisk(folder) });
      await fill(child, folder);
      expectFull(await child.ask({ do: 'scratch', bytes: 300_000 }), folder);
    },
  );
});
