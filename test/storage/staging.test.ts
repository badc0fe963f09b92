import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Staging } from '../../storage/staging.ts';
import { ENTRY_BYTES } from '../../storage/calls.ts';
import { Digester } from '../../storage/digester.ts';
import { Memory } from '../../storage/memory.ts';
import { callOf, callsIn, callsOf, stage } from './calls.ts';
import { chunkOf } from './chunk.ts';
import type { Storage } from '../../storage/storage.ts';
import { until } from '../until.ts';
import { testStorage } from './folder.ts';

/* Finished calls on their way to their lanes. */

/** Texts of every length of UTF-8, so that characters stand across the ends of chunks. */
const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\n', 'é', '€', '🎈', '👩‍👩‍👧', '\u2028', '\ud800'),
});

const row = fc
  .record({
    person: fc.oneof(text, fc.constantFrom('ann', 'bob', 'zoë', '')),
    context: fc.option(fc.dictionary(text, text), { nil: undefined }),
    traits: fc.oneof(
      fc.dictionary(text, fc.jsonValue()),
      fc.nat(2_000).map((length) => ({ long: '🦊'.repeat(length) })),
    ),
  })
  .map(({ person, ...fields }) => callOf(person, { ...fields, repeatable: false }));

const rows = fc.array(row, { maxLength: 60 });

/** Staging in one lane, a chunk for each call. */
const ALONE = {
  folder: 'runs/people/run/attempt',
  lanes: 1,
  chunkBytes: 1,
  memory: new Memory(),
  digester: new Digester(),
  digestPrefix: '[]',
};

/** A storage that has no more use for what it is given at once, while its disk takes its time. */
function behind(storage: Storage, disk: Promise<unknown>): Storage {
  disk.catch(() => undefined);
  return {
    identity: storage.identity,
    async put(key, body, wasRead) {
      await storage.put(key, body);
      wasRead?.();
      body.fill(0); // As whoever has the memory next may do.
      await disk;
    },
    get: (key, from, memory) => storage.get(key, from, memory),
    list: (folder) => storage.list(folder),
    remove: (key) => storage.remove(key),
    removeObjects: (keys) => storage.removeObjects(keys),
    scratch: () => storage.scratch(),
  };
}

describe('staged calls', () => {
  test('come out as they went in, each once, a person’s in one lane and in order', async () => {
    const shape = { lanes: fc.integer({ min: 1, max: 8 }), chunkBytes: fc.integer({ min: 1, max: 3_000 }) };
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.record(shape),
        fc.integer({ min: 1, max: 20 }),
        async (calls, sizes, page) => {
          await using at = await testStorage();
          const staged = await stage(calls, { storage: at.storage, ...sizes }, page);
          expect(staged).toMatchObject({ rows: calls.length, failed: 0, errorFiles: [] });

          const lanes = await callsOf(at.storage, staged);
          const laneOfPerson = new Map<string, number>();
          for (const [lane, found] of lanes.entries()) {
            const numbers = found.map((call) => call.row);
            expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
            for (const number of numbers) {
              const { person } = calls[number - 1]!;
              expect(laneOfPerson.get(person) ?? lane).toBe(lane);
              laneOfPerson.set(person, lane);
            }
          }
          const found = lanes.flat().toSorted((left, right) => left.row - right.row);
          expect(found.map(({ row, json, shared }) => ({ row, json, shared }))).toEqual(
            calls.map(({ json, sharedBytes }, index) => ({
              row: index + 1,
              json,
              shared: String(Buffer.from(json).subarray(1, 1 + sharedBytes)),
            })),
          );
        },
      ),
      { numRuns: 80 },
    );
  });

  test('are in the chunks that are named, as many rows and bytes as is said, and nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 3_000 }), async (calls, chunkBytes) => {
        await using at = await testStorage();
        const { lanes } = await stage(calls, { storage: at.storage, chunkBytes }, 3);
        for (const { key, rows: count, bytes } of lanes.flat()) {
          const body = (await at.storage.get(key))!;
          expect({ key, count, bytes }).toEqual({
            key,
            count: callsIn(body, count).length,
            bytes: body.length,
          });
          expect(count).toBeGreaterThan(0);
        }
        const keys = lanes.flat().map(({ key }) => key);
        expect(await at.storage.list('runs')).toEqual(keys.sort());
      }),
      { numRuns: 30 },
    );
  });

  test('are read on from the end of any of them, and nothing follows the last', () => {
    fc.assert(
      fc.property(rows, (calls) => {
        const chunk = chunkOf(calls);
        const all = callsIn(chunk, calls.length);
        expect(all).toHaveLength(calls.length);
        for (const [index, { end }] of all.entries())
          expect(callsIn(chunk.subarray(end), calls.length, end)).toEqual(all.slice(index + 1));
        expect(all.at(-1)?.end ?? 0).toBe(chunk.length);
      }),
      { numRuns: 50 },
    );
  });

  test('fill chunks that hold at most one call more than the size of a chunk, in any lane', async () => {
    await using at = await testStorage();
    const calls = Array.from({ length: 2_000 }, (_row, index) =>
      callOf(`user ${index % 97}`, { repeatable: false, traits: { note: '🎈'.repeat(index % 50) } }),
    );
    const { lanes } = await stage(calls, { storage: at.storage, chunkBytes: 5_000, lanes: 3 }, 1);
    expect(lanes.map((chunks) => chunks.length > 5)).toEqual([true, true, true]);
    const longest = Math.max(...calls.map(({ json }) => Buffer.byteLength(json) + 1 + ENTRY_BYTES));
    for (const chunks of lanes) {
      for (const { bytes } of chunks) expect(bytes).toBeLessThan(5_000 + longest);
      for (const { bytes } of chunks.slice(0, -1)) expect(bytes).toBeGreaterThanOrEqual(5_000);
    }
  });

  test('may be longer than a chunk', async () => {
    await using at = await testStorage();
    const small = callOf('ann', { repeatable: false });
    const call = callOf('ann', {
      repeatable: false,
      traits: { note: '🎈'.repeat(500_000) },
      context: { note: 'x'.repeat(1_500_000) },
    });
    const staged = await stage([small, call, small], { storage: at.storage, chunkBytes: 10 }, 1);
    const found = (await callsOf(at.storage, staged)).flat();
    expect(found.map(({ row, json }) => [row, json.length])).toEqual([
      [1, small.json.length],
      [2, call.json.length],
      [3, small.json.length],
    ]);
    expect(found[1]?.json === call.json).toBe(true);
    expect(found[1]?.shared.length).toBe(call.sharedBytes);
  });

  test('of people are spread over the lanes', async () => {
    await using at = await testStorage();
    const calls = Array.from({ length: 1_000 }, (_row, index) =>
      callOf(`user-${index}`, { repeatable: false }),
    );
    const { lanes } = await stage(calls, { storage: at.storage, lanes: 4 });
    for (const chunks of lanes) {
      const count = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
      expect(count).toBeGreaterThan(150);
      expect(count).toBeLessThan(350);
    }
  });

  test('are not staged before all of their chunks are durable, which nothing else waits for', async () => {
    await using at = await testStorage();
    const { promise: disk, resolve: catchUp } = Promise.withResolvers<true>();
    const storage = behind(at.storage, disk);
    const calls = Array.from({ length: 60 }, (_row, index) => callOf(`user-${index}`, { repeatable: false }));
    let isStaged = false;
    const staging = stage(calls, { storage, lanes: 1, chunkBytes: 1 }, 1).finally(() => (isStaged = true));
    const chunksThere = async () => (await at.storage.list('runs')).length;
    await until(async () => (await chunksThere()) > 16);
    // A disk that is too far behind is waited for.
    await sleep(200);
    expect(await chunksThere()).toBeLessThan(25);
    expect(isStaged).toBe(false);
    catchUp(true);
    const found = (await callsOf(at.storage, await staging)).flat();
    expect(found.map(({ json }) => json)).toEqual(calls.map(({ json }) => json));
  });

  test('whose chunk turns out not to be durable fail the staging', async () => {
    await using at = await testStorage();
    const storage = behind(at.storage, Promise.reject(new Error('the disk is broken')));
    await expect(stage([callOf('ann')], { storage })).rejects.toThrow('the disk is broken');
  });

  test('of which one chunk is not durable are given up only once all others are over', async () => {
    await using at = await testStorage();
    const { promise: disk, resolve: catchUp } = Promise.withResolvers<true>();
    const slow = behind(at.storage, disk);
    let puts = 0;
    const storage: Storage = {
      ...slow,
      async put(key, body, wasRead) {
        puts += 1;
        if (puts === 1) {
          wasRead?.();
          throw new Error('the disk is broken');
        }
        await slow.put(key, body, wasRead);
      },
    };
    const staging = new Staging({ ...ALONE, storage });
    for (let row = 1; row <= 4; row += 1) {
      staging.add(row, callOf(`user-${row}`, { repeatable: false }));
      await staging.flush();
    }
    await expect(staging.finish()).rejects.toThrow('the disk is broken');
    let isGivenUp = false;
    const givingUp = staging.abandon().finally(() => (isGivenUp = true));
    await sleep(100);
    expect(isGivenUp).toBe(false);
    catchUp(true);
    await givingUp;
  });

  test('that cannot be stored fail the staging, which leaves no temporary files', async () => {
    await using at = await testStorage();
    const { storage } = at;
    // The key of the first chunk of the second lane is taken.
    const folder = 'runs/people/run/attempt';
    for (const lane of [0, 1])
      await storage.put(`${folder}/chunks/${lane}-00000${lane}`, Buffer.from('taken'));
    const staging = new Staging({
      storage,
      folder,
      lanes: 2,
      chunkBytes: 100,
      bucketBytes: 1,
      memory: new Memory(),
      digester: new Digester(),
      digestPrefix: '[]',
    });
    const filling = async () => {
      for (let number = 1; number <= 100; number += 1) {
        staging.add(number, callOf(`user-${number}`));
        await staging.flush();
      }
      await staging.finish();
    };
    await expect(filling()).rejects.toMatchObject({ code: 'storage_corrupt' });
    await staging.abandon();
    expect(at.temporaryFiles()).toEqual([]);
  });
});
