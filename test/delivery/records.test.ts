import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { calls, storageWhosePuts, withEverySecondCallBad } from './batchesOfTwo.ts';
import { callOf, messageIdOf, openRoom, rows, START } from './room.ts';

/* What a lane leaves in storage: failed rows, and the first delivered calls. */

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
