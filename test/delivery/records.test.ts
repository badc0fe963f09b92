import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { LanePosition } from '../../delivery/laneRequest.ts';
import { RowcastError } from '../../errors.ts';
import type { Storage } from '../../storage/storage.ts';
import { callOf, messageIdOf, openRoom, rows, START } from './room.ts';
import type { Room, RoomOptions } from './room.ts';

/* What a lane leaves in storage: failed rows, and the first delivered calls. */

const calls = (from: number, to: number) => rows(from, to).map((row) => callOf(row));
/** For a machine that is busy otherwise. */
const PATIENCE = { timeout: 10_000 };

const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);

/** Batches of two calls, the second of which is bad. */
async function withEverySecondCallBad(callCount: number, options: RoomOptions = {}): Promise<Room> {
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
function storageWhosePuts(storage: Storage, first: (key: string) => Promise<unknown>): Storage {
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

/** A storage that fails once it has taken so many files. */
function failingAfter(storage: Storage, puts: number): Storage {
  let left = puts;
  return storageWhosePuts(storage, () => {
    left -= 1;
    return left < 0
      ? Promise.reject(new RowcastError('storage_full', 'The storage is full.'))
      : Promise.resolve();
  });
}

describe('a failed row', () => {
  test('is kept with its number, a code, what the destination says, its data by column, and its call', async () => {
    await using room = await openRoom();
    await room.stage([callOf(1), callOf(2, { userId: 'zoë 🦊', note: 'said "no"\n' }), callOf(3)]);
    room.receiver.misbehave({ kind: 'dislike', users: ['zoë 🦊'], words: 'who is that?' });
    const { position } = await room.deliver();
    expect(await room.failedRows(position)).toEqual([
      {
        row: 2,
        code: 'refused_by_destination',
        message: expect.stringContaining('who is that?') as string,
        data: { id: 'zoë 🦊', step: 2, note: 'said "no"\n' },
        call: {
          messageId: messageIdOf(2),
          type: 'identify',
          userId: 'zoë 🦊',
          traits: { step: 2, note: 'said "no"\n' },
        },
      },
    ]);
  });

  test('is read back with NULL where its call leaves a column out', async () => {
    await using room = await openRoom();
    await room.stage([callOf(1)]);
    room.receiver.misbehave({ kind: 'dislike', users: ['*'] });
    const placements = [
      { column: 'ID', path: ['userId'] },
      { column: 'context.ip', path: ['context', 'ip'] },
    ];
    const { position } = await room.deliver({ placements });
    const [failed] = await room.failedRows(position);
    expect(failed?.data).toEqual({ ID: 'u1', 'context.ip': null });
  });
});

describe('delivered calls', () => {
  test('are kept beside their rows, the first so many of the lane, failed ones left out', async () => {
    await using room = await withEverySecondCallBad(12);
    const { position } = await room.deliver({ keepCalls: 4 });
    expect(position.kept).toBe(4);
    const kept = await room.deliveredCalls(position);
    expect(kept.map(({ row }) => row)).toEqual([1, 3, 5, 7]);
    expect(kept[0]).toMatchObject({ data: { id: 'u1', step: 1 }, call: { userId: 'u1' } });
  });

  test('are not kept twice by a delivery that goes on from a position', async () => {
    await using room = await withEverySecondCallBad(12);
    await room.deliver({ keepCalls: 3, untilMs: 0 });
    const { position } = await room.deliver({ keepCalls: 3 });
    expect((await room.deliveredCalls(position)).map(({ row }) => row)).toEqual([1, 3, 5]);
  });

  test('are not kept where none is wanted', async () => {
    await using room = await withEverySecondCallBad(4);
    const { position } = await room.deliver({ keepCalls: 0 });
    expect(position).toMatchObject({ delivered: 2, kept: 0, callFiles: [] });
  });
});

describe('a position', () => {
  test('is told only once the files that it names are in storage', async () => {
    await using room = await withEverySecondCallBad(200);
    const missing: string[] = [];
    let told = 0;
    const onPosition = ({ errorFiles, callFiles }: LanePosition) => {
      told += 1;
      const keys = [...errorFiles, ...callFiles];
      missing.push(...keys.filter((key) => !existsSync(join(room.storage.identity.location, key))));
    };
    await room.deliver({ onPosition, keepCalls: 100 });
    expect(told).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  test('stays before a batch whose errors could not be stored, which is sent again later and listed once', async () => {
    await using room = await withEverySecondCallBad(8);
    const storage = failingAfter(room.storage, 2);
    await expect(room.deliver({ storage })).rejects.toMatchObject({ code: 'storage_full' });
    expect(room.positions.at(-1)).toMatchObject({ delivered: 2, failed: 2 });

    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 4, failed: 4 });
    expect((await room.failedRows(position)).map(({ row }) => row)).toEqual([2, 4, 6, 8]);
    expect(received(room)).toEqual([1, 3, 5, 7].map(messageIdOf));
  });

  test('waits for the calls that are kept, which are stored while eight batches at most go out', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 40));
    const storing = Promise.withResolvers<undefined>();
    const storage = storageWhosePuts(room.storage, () => storing.promise);
    const delivery = room.deliver({ storage, keepCalls: 2 });
    await vi.waitFor(() => expect(received(room)).toHaveLength(16), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received(room)).toHaveLength(16);
    expect(room.positions).toEqual([]);

    storing.resolve(undefined);
    const { position } = await delivery;
    const told = rows(1, 20).map((batch) => batch * 2);
    expect(room.positions.map(({ delivered }) => delivered)).toEqual([...told, 40]);
    expect((await room.deliveredCalls(position)).map(({ row }) => row)).toEqual([1, 2]);
    expect(received(room)).toEqual(rows(1, 40).map(messageIdOf));
  });

  test('that can never be told, since its calls could not be kept, stops the lane at the next batch', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 40));
    const storage = storageWhosePuts(room.storage, async () => {
      await vi.waitFor(() => expect(room.receiver.requests).toBe(3), PATIENCE);
      throw new RowcastError('storage_full', 'The storage is full.');
    });
    room.receiver.misbehave({ kind: 'slow', ms: 0, times: 2 }, { kind: 'slow', ms: 300, times: 1 });
    await expect(room.deliver({ storage, keepCalls: 2 })).rejects.toMatchObject({ code: 'storage_full' });
    expect(room.positions).toEqual([]);
    expect(received(room)).toEqual(rows(1, 6).map(messageIdOf));
  });

  test('stays before a batch whose calls could not be kept, whatever went out meanwhile', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 6));
    const full = new RowcastError('storage_full', 'The storage is full.');
    const storage = storageWhosePuts(room.storage, () => Promise.reject(full));
    await expect(room.deliver({ storage, keepCalls: 2 })).rejects.toMatchObject({ code: 'storage_full' });
    expect(room.positions).toEqual([]);

    const { position } = await room.deliver({ keepCalls: 2 });
    expect(position).toMatchObject({ delivered: 6, failed: 0, kept: 2 });
    expect((await room.deliveredCalls(position)).map(({ row }) => row)).toEqual([1, 2]);
    expect(room.receiver.log.stats()).toMatchObject({ distinct: 6, violations: [] });
  });

  test('that cannot be told leaves nothing behind that is stored after the delivery has failed', async () => {
    await using room = await withEverySecondCallBad(2);
    let putsUnderWay = 0;
    const storage = storageWhosePuts(room.storage, async (key) => {
      if (key.includes('/errors/')) throw new RowcastError('storage_full', 'The storage is full.');
      putsUnderWay += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      putsUnderWay -= 1;
    });
    await expect(room.deliver({ storage, keepCalls: 2 })).rejects.toMatchObject({ code: 'storage_full' });
    expect(putsUnderWay).toBe(0);
  });

  test('that cannot be told waits for what is being stored of later batches, too', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 40));
    let [begun, under] = [0, 0];
    const storage = storageWhosePuts(room.storage, async () => {
      begun += 1;
      if (begun === 1) {
        await vi.waitFor(() => expect(begun).toBe(3), PATIENCE);
        throw new RowcastError('storage_full', 'The storage is full.');
      }
      under += 1;
      await new Promise((resolve) => setTimeout(resolve, 300));
      under -= 1;
    });
    await expect(room.deliver({ storage, keepCalls: 6 })).rejects.toMatchObject({ code: 'storage_full' });
    expect([begun, under]).toEqual([3, 0]);
  });

  test('of a batch with failures is waited for, though calls of earlier ones are being stored', async () => {
    await using room = await openRoom({ destination: { kind: 'http' }, profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 40));
    room.receiver.misbehave({ kind: 'partial', users: ['u4'] });
    const storing = Promise.withResolvers<undefined>();
    const storage = storageWhosePuts(room.storage, (key) =>
      key.includes('/calls/') ? storing.promise : Promise.resolve(),
    );
    const delivery = room.deliver({ storage, keepCalls: 2 });
    await vi.waitFor(() => expect(room.receiver.requests).toBe(2), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(room.receiver.requests).toBe(2);
    storing.resolve(undefined);
    expect((await delivery).position).toMatchObject({ delivered: 39, failed: 1 });
  });

  test('that somebody refuses stops the lane before another batch goes out', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 6));
    const onPosition = () => {
      throw new RowcastError('too_many_failed_rows', 'Too many rows failed.');
    };
    await expect(room.deliver({ onPosition })).rejects.toMatchObject({ code: 'too_many_failed_rows' });
    expect(received(room)).toEqual(rows(1, 2).map(messageIdOf));
  });

  test('that cannot be told hides nothing of what the destination says', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 6));
    room.receiver.misbehave({ kind: 'slow', ms: 0, times: 1 }, { kind: 'answer', status: 401 });
    const storage = storageWhosePuts(room.storage, async () => {
      await vi.waitFor(() => expect(room.receiver.requests).toBe(2));
      throw new RowcastError('storage_full', 'The storage is full.');
    });
    const delivery = room.deliver({ storage, keepCalls: 2 });
    await expect(delivery).rejects.toMatchObject({ code: 'destination_refused' });
    expect(room.positions).toEqual([]);
  });

  test('that an attempt lost can be gone on from, beside the files of that attempt', async () => {
    await using room = await withEverySecondCallBad(400);
    await room.deliver();
    const early = room.positions.find(({ failed }) => failed === 150)!;
    const { position } = await room.deliver({ position: early });
    expect(position).toMatchObject({ delivered: 200, failed: 200 });
    const failed = await room.failedRows(position);
    expect(failed.map(({ row }) => row)).toEqual(rows(1, 200).map((half) => half * 2));
    expect(room.receiver.log.stats()).toMatchObject({ distinct: 200, violations: [] });
  });
});

describe('the error files of a lane', () => {
  test('stay few, however many batches have failures, and hold every failed row once', async () => {
    await using room = await withEverySecondCallBad(600);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 300, failed: 300 });
    // 300 = 4 × 64 + 44
    expect(position.errorFiles).toHaveLength(4 + 44);
    expect(Math.max(...room.positions.map(({ errorFiles }) => errorFiles.length))).toBeLessThanOrEqual(
      3 + 64,
    );
    const failed = await room.failedRows(position);
    expect(failed.map(({ row }) => row)).toEqual(rows(1, 300).map((half) => half * 2));
    expect(failed[299]).toMatchObject({ data: { id: 'u600' }, call: { userId: 'u600' } });
  });

  test('are merged across chunks and deliveries', async () => {
    await using room = await openRoom({ destination: { kind: 'http' }, profile: { batchCallsMax: 2 } });
    const chunks = rows(0, 9).map((chunk) => calls(chunk * 20 + 1, chunk * 20 + 20));
    await room.stage(...chunks);
    room.receiver.misbehave({ kind: 'partial', users: rows(1, 100).map((half) => `u${half * 2}`) });
    let position = START;
    for (let done = false; !done;) ({ position, done } = await room.deliver({ position, untilMs: 0 }));
    expect(position).toMatchObject({ delivered: 100, failed: 100 });
    expect(position.errorFiles).toHaveLength(1 + 36);
    expect(await room.failedRows(position)).toHaveLength(100);
  });

  test('that were merged are still there for whoever goes on from an earlier position', async () => {
    await using room = await withEverySecondCallBad(140);
    await room.deliver();
    const before = room.positions.find(({ failed }) => failed === 63)!;
    expect(before.errorFiles).toHaveLength(63);
    expect((await room.failedRows(before)).map(({ row }) => row)).toEqual(
      rows(1, 63).map((half) => half * 2),
    );
  });

  test('say so when one of them has vanished before it could be merged', async () => {
    await using room = await withEverySecondCallBad(140);
    await room.deliver({ untilMs: 0 });
    const [key] = room.positions.at(-1)!.errorFiles;
    await room.storage.remove(key!);
    await expect(room.deliver()).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringContaining(key!) as string,
    });
  });

  test('of kept calls stay few too', async () => {
    await using room = await withEverySecondCallBad(300);
    const { position } = await room.deliver({ keepCalls: 150 });
    expect(position.callFiles).toHaveLength(2 + 22);
    expect((await room.deliveredCalls(position)).map(({ row }) => row)).toEqual(
      rows(1, 150).map((half) => half * 2 - 1),
    );
  });

  test('of kept calls are merged once the last of them is in storage, too, whichever comes last', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 200));
    let begun = 0;
    const storage = storageWhosePuts(room.storage, async () => {
      begun += 1;
      if (begun === 60) await new Promise((resolve) => setTimeout(resolve, 500));
    });
    const { position } = await room.deliver({ storage, keepCalls: 150 });
    expect(position.callFiles).toHaveLength(1 + 11);
    const kept = await room.deliveredCalls(position);
    expect(kept.map(({ row }) => row)).toEqual(rows(1, 150));
  });
});

test('a chunk that is gone from storage fails the delivery with its name', async () => {
  await using room = await openRoom();
  await room.stage(calls(1, 2), calls(3, 4));
  await room.storage.remove('runs/people/run/extract/chunks/0-1');
  await expect(room.deliver()).rejects.toMatchObject({
    code: 'storage_corrupt',
    message: expect.stringContaining('chunks/0-1') as string,
  });
  expect(room.positions.at(-1)).toMatchObject({ chunk: 1, delivered: 2 });
});

test('a chunk that has lost its end fails the delivery before any of its calls is sent', async () => {
  await using room = await openRoom();
  await room.stage(rows(1, 9).map((row) => callOf(row)));
  const path = join(room.storage.identity.location, 'runs/people/run/extract/chunks/0-0');
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - 100));
  await expect(room.deliver()).rejects.toMatchObject({
    code: 'storage_corrupt',
    message: expect.stringMatching(
      /^The staged chunk runs\/people\/run\/extract\/chunks\/0-0 has \d+ of its \d+ bytes in .*; the run fails, and its window repeats from the source\.$/,
    ) as string,
  });
  expect(room.receiver.log.calls).toEqual([]);
});
