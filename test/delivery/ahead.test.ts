import { expect, test, vi } from 'vitest';
import { Memory } from '../../storage/memory.ts';
import type { Storage } from '../../storage/storage.ts';
import { callOf, openRoom, rows } from './room.ts';
import type { Room } from './room.ts';

/* The next chunk, which a lane reads while the last calls of the one before are sent. */

/** A lane of two chunks. */
async function openLane({ batchCallsMax = 2 } = {}): Promise<Room> {
  const room = await openRoom({ profile: { batchCallsMax } });
  await room.stage(
    rows(1, 4).map((row) => callOf(row)),
    rows(5, 6).map((row) => callOf(row)),
  );
  return room;
}

/** The storage of a room, in which reading a chunk does something else first. */
function storageWhere(storage: Storage, key: string, first: () => Promise<unknown>): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'get') return value.bind(target) as unknown;
      return async (wanted: string, from?: number, memory?: Buffer) => {
        if (wanted === key) await first();
        return await target.get(wanted, from, memory);
      };
    },
  });
}

const SECOND_CHUNK = 'runs/people/run/extract/chunks/0-1';

test('a chunk that could not be read ahead is read once it is wanted', async () => {
  await using open = await openLane();
  let reads = 0;
  const storage = storageWhere(open.storage, SECOND_CHUNK, () => {
    reads += 1;
    return reads === 1 ? Promise.reject(new Error('out of reach')) : Promise.resolve();
  });
  expect(await open.deliver({ storage })).toMatchObject({ position: { delivered: 6 }, done: true });
  expect(reads).toBe(2);
});

test('a chunk is read once the last batch of the one before it goes out, and not sooner', async () => {
  await using open = await openLane();
  let before = NaN;
  const storage = storageWhere(open.storage, SECOND_CHUNK, () => {
    before = open.receiver.log.stats().received;
    return Promise.resolve();
  });
  expect(await open.deliver({ storage })).toMatchObject({ position: { delivered: 6 }, done: true });
  expect(before).toBe(2);
});

test('memory into which a chunk is still read is not given to others when the lane ends', async () => {
  await using open = await openLane({ batchCallsMax: 4 });
  const memory = new Memory();
  const reading = Promise.withResolvers<undefined>();
  const storage = storageWhere(open.storage, SECOND_CHUNK, () => reading.promise);
  const taken: Buffer[] = [];
  const given: Buffer[] = [];
  vi.spyOn(memory, 'take').mockImplementation((bytes) => {
    taken.push(Buffer.alloc(bytes));
    return taken.at(-1)!;
  });
  vi.spyOn(memory, 'giveBack').mockImplementation((block) => void given.push(block));
  const { done } = await open.deliver({ storage, memory, untilMs: 0 });
  reading.resolve(undefined);
  expect(done).toBe(false);
  expect(given).toEqual([taken[0]]);
  expect(taken).toHaveLength(2);
});
