import { expect, test, vi } from 'vitest';
import type { Batch } from '../../delivery/batch.ts';
import type { Sender } from '../../delivery/sender.ts';
import { Memory } from '../../storage/memory.ts';
import type { Storage } from '../../storage/storage.ts';
import { callOf, messageIdOf, openRoom, rows } from './room.ts';
import type { Room } from './room.ts';

/* What a lane makes ready while the destination is busy with the request before. */

/** A lane of three batches in two chunks, and its sender, of which all batches are watched. */
async function openWatched(): Promise<{ room: Room; sender: Sender; made: Batch[]; disposed: Set<Batch> }> {
  const room = await openRoom({ profile: { batchCallsMax: 2 } });
  await room.stage(
    rows(1, 4).map((row) => callOf(row)),
    rows(5, 6).map((row) => callOf(row)),
  );
  const made: Batch[] = [];
  const disposed = new Set<Batch>();
  const sender: Sender = {
    profile: room.sender.profile,
    trouble: null,
    send: (batch, signal) => room.sender.send(batch, signal),
    greet: (signal) => room.sender.greet(signal),
    batchOf(calls) {
      const batch = room.sender.batchOf(calls);
      const dispose = batch[Symbol.dispose].bind(batch);
      batch[Symbol.dispose] = () => {
        disposed.add(batch);
        dispose();
      };
      made.push(batch);
      return batch;
    },
  };
  return { room, sender, made, disposed };
}

test('the next batch of a chunk is ready when the destination answers, and all arrive in order', async () => {
  const { room, sender, made, disposed } = await openWatched();
  await using open = room;
  open.receiver.misbehave({ kind: 'slow', ms: 100 });
  const readyAt: number[] = [];
  await open.deliver({ sender, onPosition: () => void readyAt.push(made.length) });
  // The position is told after each batch, and once more after each chunk.
  expect(readyAt).toEqual([2, 2, 2, 3, 3]);
  expect(open.receiver.log.calls.map(({ messageId }) => messageId)).toEqual(rows(1, 6).map(messageIdOf));
  expect([...disposed]).toEqual(made);
});

test('a batch that was made ready gives its memory back where the turn of the lane is over', async () => {
  const { room, sender, made, disposed } = await openWatched();
  await using open = room;
  open.receiver.misbehave({ kind: 'slow', ms: 100 });
  const { position, done } = await open.deliver({ sender, untilMs: 0 });
  expect({ position, done }).toMatchObject({ position: { chunk: 0, delivered: 2 }, done: false });
  expect(made).toHaveLength(2);
  expect([...disposed].toSorted((one, other) => made.indexOf(one) - made.indexOf(other))).toEqual(made);
});

test('a batch that was made ready gives its memory back where the delivery is cancelled', async () => {
  const { room, sender, made, disposed } = await openWatched();
  await using open = room;
  open.receiver.misbehave({ kind: 'silence' });
  const cancel = new AbortController();
  const delivery = open.deliver({ sender, signal: cancel.signal });
  setTimeout(() => cancel.abort(new Error('cancelled by somebody')), 200);
  await expect(delivery).rejects.toThrow('cancelled by somebody');
  expect(made).toHaveLength(2);
  expect(disposed.size).toBe(2);
});

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
  const { room } = await openWatched();
  await using open = room;
  let reads = 0;
  const storage = storageWhere(open.storage, SECOND_CHUNK, () => {
    reads += 1;
    return reads === 1 ? Promise.reject(new Error('out of reach')) : Promise.resolve();
  });
  expect(await open.deliver({ storage })).toMatchObject({ position: { delivered: 6 }, done: true });
  expect(reads).toBe(2);
});

test('memory into which a chunk is still read is not given to others when the lane ends', async () => {
  const { room } = await openWatched();
  await using open = room;
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
