import { expect, test } from 'vitest';
import { Memory } from '../../storage/memory.ts';
import { callOf, callsOf, stage } from './calls.ts';
import { testStorage } from './folder.ts';

/* Memory that is used again, by all who stage and deliver in a process. */

const KIB = 1_024;

test('what is taken is nobody else’s until it is given back, and is used again then', () => {
  const memory = new Memory();
  const [one, other] = [memory.take(300 * KIB), memory.take(300 * KIB)];
  expect(one.buffer).not.toBe(other.buffer);
  memory.giveBack(one);
  const again = memory.take(400 * KIB);
  expect(again.buffer).toBe(one.buffer);
  expect(again).toHaveLength(400 * KIB);
  expect(memory.take(300 * KIB).buffer).not.toBe(one.buffer);
});

test('the smallest that has room is taken, so that a large one is there for those who need it', () => {
  const memory = new Memory();
  const [small, large] = [memory.take(300 * KIB), memory.take(3_000 * KIB)];
  memory.giveBack(large);
  memory.giveBack(small);
  expect(memory.take(400 * KIB).buffer).toBe(small.buffer);
  expect(memory.take(2_000 * KIB).buffer).toBe(large.buffer);
});

test('what is given back twice, or was never taken, is not given to two', () => {
  const memory = new Memory();
  const one = memory.take(300 * KIB);
  for (const given of [one, one, Buffer.alloc(300 * KIB)]) memory.giveBack(given);
  const taken = [1, 2, 3].map(() => memory.take(300 * KIB).buffer);
  expect(taken[0]).toBe(one.buffer);
  expect(new Set(taken).size).toBe(3);
});

test('no more than 32 MB are kept, however much was in use at once', () => {
  const memory = new Memory();
  const all = Array.from({ length: 40 }, () => memory.take(1_024 * KIB));
  for (const one of all) memory.giveBack(one);
  const again = Array.from({ length: 40 }, () => memory.take(1_024 * KIB));
  const known = new Set(all.map(({ buffer }) => buffer));
  expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(32);
  for (const one of again) memory.giveBack(one);
  // What waits longest goes first, so that sizes nobody asks for any more do not stay.
  const large = memory.take(20 * 1_024 * KIB);
  memory.giveBack(large);
  expect(memory.take(20 * 1_024 * KIB).buffer).toBe(large.buffer);
});

test('runs that are staged side by side in the same memory get each their own calls', async () => {
  await using at = await testStorage();
  const memory = new Memory();
  const sizes = { storage: at.storage, memory, chunkBytes: 100_000, lanes: 2 };
  const stageRun = async (run: number) => {
    const calls = Array.from({ length: 2_000 }, (_row, index) =>
      callOf(`person ${index} of ${run}`, { repeatable: false, traits: { note: 'x'.repeat(index % 300) } }),
    );
    // Each time after others have given theirs back.
    for (let time = 0; time < 3; time += 1) {
      const staged = await stage(calls, { ...sizes, folder: `runs/people/${run}/${time}` }, 10);
      const found = (await callsOf(at.storage, staged)).flat();
      expect(found.toSorted((one, other) => one.row - other.row).map(({ json }) => json)).toEqual(
        calls.map(({ json }) => json),
      );
    }
  };
  await Promise.all([1, 2, 3, 4].map(stageRun));
});
