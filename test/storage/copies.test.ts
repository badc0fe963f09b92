import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { saveCopy } from '../../activities/state.ts';
import { latestCopy, writeCopy } from '../../storage/copies.ts';
import type { Storage } from '../../storage/storage.ts';
import { createLocal, testStorage } from './folder.ts';

/* Numbered copies of a state, from which a long-running workflow can be rebuilt. */

const write = (storage: Storage, number: number, state: unknown = { number }) =>
  writeCopy(storage, 'sync', 'people', { number, state });

const keyOf = (number: number) => `state/sync/people/${String(number).padStart(12, '0')}.json`;

describe('copies of a state', () => {
  test('are not there before one was written', async () => {
    await using at = await testStorage();
    expect(await latestCopy(at.storage, 'sync', 'people')).toBeNull();
  });

  test('are numbered: the one of the highest number is the newest, whenever it was written', async () => {
    await using created = await createLocal();
    const storage = await created.open();
    let newest = 0;
    for (const number of [1, 2, 9, 10, 7, 999, 1_000]) {
      await write(storage, number);
      const found = await latestCopy(await created.open(), 'sync', 'people');
      newest = Math.max(newest, number);
      expect(found).toEqual({ number: newest, state: { number: newest } });
    }
  });

  test('hold a state as it is', async () => {
    await using at = await testStorage();
    const state = {
      definition: { query: 'SELECT 1 -- 🎈\n' },
      lastSyncTime: 0,
      tombstone: null,
      list: [1, [2]],
    };
    await write(at.storage, 1, state);
    expect(await latestCopy(at.storage, 'sync', 'people')).toEqual({ number: 1, state });
  });

  test('stay few: the newest three', async () => {
    await using at = await testStorage();
    for (let number = 1; number <= 12; number += 1) await write(at.storage, number);
    expect(await at.storage.list('state')).toEqual([10, 11, 12].map(keyOf));
  });

  test('are apart for each kind and name', async () => {
    await using at = await testStorage();
    await writeCopy(at.storage, 'sync', 'people', { number: 1, state: 'sync people' });
    await writeCopy(at.storage, 'sync', 'people-2', { number: 7, state: 'sync people-2' });
    await writeCopy(at.storage, 'destination', 'people', { number: 3, state: 'destination people' });
    expect(await latestCopy(at.storage, 'sync', 'people')).toEqual({ number: 1, state: 'sync people' });
    expect(await latestCopy(at.storage, 'integration', 'people')).toBeNull();
    expect(await latestCopy(at.storage, 'destination', 'people')).toEqual({
      number: 3,
      state: 'destination people',
    });
  });

  test('are never overwritten: a number is given once', async () => {
    await using at = await testStorage();
    await write(at.storage, 1, 'first');
    await expect(write(at.storage, 1, 'second')).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringContaining(keyOf(1)) as string,
    });
    expect(await latestCopy(at.storage, 'sync', 'people')).toEqual({ number: 1, state: 'first' });
  });

  test('of which the newest is damaged are not guessed: a sentence names it, and without it the one before is taken', async () => {
    await using at = await testStorage();
    await write(at.storage, 1);
    await write(at.storage, 2);
    const whole = JSON.stringify({ version: 1, number: 2, state: { number: 2 } });
    for (const content of [
      '',
      'null',
      '{}',
      whole.slice(0, -2),
      JSON.stringify({ version: 1, number: 2 }),
      JSON.stringify({ version: 2, number: 2, state: {} }),
      JSON.stringify({ version: 1, number: '2', state: {} }),
    ]) {
      writeFileSync(join(at.storage.identity.location, keyOf(2)), content);
      await expect(latestCopy(at.storage, 'sync', 'people'), content).rejects.toMatchObject({
        code: 'storage_corrupt',
        message: `The copy ${keyOf(2)} in ${at.storage.identity.location} is damaged or of another version of Rowcast; remove it, and the one before it is taken.`,
      });
    }
    await at.storage.remove(keyOf(2));
    expect(await latestCopy(at.storage, 'sync', 'people')).toEqual({ number: 1, state: { number: 1 } });
  });

  test('are told from other files in their folder, which stay', async () => {
    await using at = await testStorage();
    const others = ['state/sync/people/.DS_Store', 'state/sync/people/notes.txt', 'state/sync/people/z.json'];
    for (const key of others) await at.storage.put(key, Buffer.from('not a copy'));
    for (const number of [1, 2, 3, 4, 5]) await write(at.storage, number);
    expect(await latestCopy(at.storage, 'sync', 'people')).toEqual({ number: 5, state: { number: 5 } });
    expect(await at.storage.list('state')).toEqual([
      others[0],
      ...[3, 4, 5].map(keyOf),
      others[1],
      others[2],
    ]);
  });

  test('are found by one who looks while others write and remove', async () => {
    await using created = await createLocal();
    const [writer, reader] = [await created.open(), await created.open()];
    await write(writer, 1);
    let written = 1;
    const writing = (async () => {
      while (written < 300) {
        await write(writer, written + 1);
        written += 1;
      }
    })();
    while (written < 300) {
      const before = written;
      const found = await latestCopy(reader, 'sync', 'people');
      expect(found?.number).toBeGreaterThanOrEqual(before);
    }
    await writing;
  });
});

describe('a state is saved', () => {
  const save = (storage: Storage, number: number, state: unknown, isAwaited = true) =>
    saveCopy(storage, { kind: 'sync', name: 'people', number, state }, () => Promise.resolve(isAwaited));

  test('once, by attempts that overlap', async () => {
    await using at = await testStorage();
    const numbers = await Promise.all([1, 2, 3, 4].map(() => save(at.storage, 5, { lastSyncTime: 1 })));
    expect(new Set(numbers)).toEqual(new Set([5]));
    expect(await at.storage.list('state')).toEqual([keyOf(5)]);
  });

  test('as the newest, where a workflow that is no longer there had come further', async () => {
    await using at = await testStorage();
    await write(at.storage, 8, { lastSyncTime: 8 });
    expect(await save(at.storage, 5, { lastSyncTime: 1 })).toBe(9);
    expect((await latestCopy(at.storage, 'sync', 'people'))?.state).toEqual({ lastSyncTime: 1 });
  });

  test('but not on top of a newer one by an attempt that nobody waits for any more', async () => {
    await using at = await testStorage();
    for (const number of [5, 6]) {
      await write(at.storage, number, { lastSyncTime: number });
      await expect(save(at.storage, 5, { lastSyncTime: 1 }, false)).rejects.toThrow('no longer waits');
      expect((await latestCopy(at.storage, 'sync', 'people'))?.state).toEqual({ lastSyncTime: number });
    }
  });
});
