import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { LanePosition } from '../../delivery/laneRequest.ts';
import { RowcastError } from '../../errors.ts';
import type { Storage } from '../../storage/storage.ts';
import { calls, received, storageWhosePuts, withEverySecondCallBad } from './batchesOfTwo.ts';
import { messageIdOf, openRoom, rows } from './room.ts';

/* How far a lane says that it has come, and what goes out before it says so. */

/** For a machine that is busy otherwise. */
const PATIENCE = { timeout: 10_000 };

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
