import type { Storage } from '../../storage/storage.ts';
import { callOf, openRoom, rows } from './room.ts';
import type { Room, RoomOptions } from './room.ts';

/* Lanes of small batches, and storages that take their time or fail. */

/** The calls of rows, both ends included. */
export const calls = (from: number, to: number) => rows(from, to).map((row) => callOf(row));

/** The ids of all calls that came, in order. */
export const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);

/** Batches of two calls, the second of which is bad. */
export async function withEverySecondCallBad(callCount: number, options: RoomOptions = {}): Promise<Room> {
  const room = await openRoom({
    destination: { kind: 'http', requestsPerSecond: 100_000 },
    ...options,
    profile: { batchCallsMax: 2, ...options.profile },
  });
  await room.stage(calls(1, callCount));
  const users = rows(1, callCount)
    .filter((row) => row % 2 === 0)
    .map((row) => `u${row}`);
  room.receiver.misbehave({ kind: 'partial', users });
  return room;
}

/** A storage that does something else before it takes a file. */
export function storageWhosePuts(storage: Storage, first: (key: string) => Promise<unknown>): Storage {
  return {
    identity: storage.identity,
    get: (key, from, memory) => storage.get(key, from, memory),
    list: (folder) => storage.list(folder),
    remove: (key) => storage.remove(key),
    removeObjects: (keys) => storage.removeObjects(keys),
    scratch: () => storage.scratch(),
    async put(key, body) {
      await first(key);
      await storage.put(key, body);
    },
  };
}
