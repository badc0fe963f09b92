import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Batch, cutBatches } from '../../delivery/batch.ts';
import type { BatchLimits } from '../../delivery/batch.ts';
import type { StagedCalls } from '../../storage/stagedCalls.ts';
import { bodyOf, callOf, callOfBytes, messageIdOf, openRoom, rows } from './room.ts';
import type { Room } from './room.ts';
import { stagedOf } from '../storage/chunk.ts';

/* What goes into one request: limits in bytes as sent, counts, and what calls share. */

const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);
const sizes = ({ receiver }: Room) => receiver.log.batches.map(({ bytes }) => bytes);
const counts = ({ receiver }: Room) => receiver.log.batches.map(({ messageIds }) => messageIds.length);

describe('the bytes of a batch', () => {
  test('reach the limit exactly, counted as they are sent, and one more byte opens another batch', async () => {
    const first = [callOfBytes(1, 1_000), callOfBytes(2, 1_300), callOfBytes(3, 1_111)];
    const limit = Buffer.byteLength(bodyOf(first));
    for (const [batchBytesMax, expected] of [
      [limit, [3]],
      [limit - 1, [2, 1]],
    ] as const) {
      await using room = await openRoom({ profile: { batchBytesMax } });
      await room.stage(first);
      await room.deliver();
      expect(counts(room)).toEqual(expected);
      expect(Math.max(...sizes(room))).toBeLessThanOrEqual(batchBytesMax);
      expect(received(room)).toEqual([1, 2, 3].map(messageIdOf));
    }
  });

  test("of Customer.io's own limit are used to the last one", async () => {
    await using room = await openRoom();
    const calls = rows(1, 16).map((row) => callOfBytes(row, 31_000));
    const left = 500_000 - Buffer.byteLength(bodyOf(calls)) - 1;
    await room.stage([...calls, callOfBytes(17, left), callOf(18)]);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 18, failed: 0 });
    expect(sizes(room)[0]).toBe(500_000);
    expect(counts(room)).toEqual([17, 1]);
  });

  test('stay full over a whole chunk, not only at its beginning', async () => {
    await using room = await openRoom({ profile: { batchBytesMax: 2_000 } });
    await room.stage(rows(1, 500).map((row) => callOfBytes(row, 300)));
    await room.deliver();
    expect(counts(room)).toEqual([...Array.from({ length: 83 }, () => 6), 2]);
  });

  test('and calls never exceed their limits, no call is lost or moved, and every body is the JSON of its calls', () => {
    const callFields = fc.record({
      note: fc.string({ unit: 'grapheme', maxLength: 40 }),
      context: fc.option(fc.constantFrom({ ip: '1.1.1.1' }, { ip: '2.2.2.2', locale: 'dé' }), {
        nil: undefined,
      }),
    });
    const limits = fc.record({
      batchBytesMax: fc.integer({ min: 700, max: 3_000 }),
      batchCallsMax: fc.integer({ min: 1, max: 9 }),
      sharesContext: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(callFields, { maxLength: 40 }), limits, (fields, limit) => {
        const staged = stagedOf(fields.map((field, index) => callOf(index + 1, withoutUndefined(field))));
        const batches = [...cutBatches(staged, { ...limit, callBytesMax: 32_000 })];
        expect(batches.flatMap(({ calls }) => [...calls])).toEqual([...staged]);
        for (const [index, { calls }] of batches.entries()) {
          const { parts, bytes } = new Batch(calls, limit);
          const body = Buffer.concat(parts);
          expect(body.length).toBe(bytes);
          expect(body.length).toBeLessThanOrEqual(limit.batchBytesMax);
          expect(calls.count).toBeLessThanOrEqual(limit.batchCallsMax);
          const { batch: sent } = JSON.parse(body.toString()) as { batch: unknown[] };
          expect(sent).toEqual([...calls].map(({ json }) => JSON.parse(json.toString()) as unknown));
          const begin = batches.slice(0, index).reduce((sum, before) => sum + before.calls.count, 0);
          const end = begin + calls.count;
          if (end < staged.count) expectClosed(staged.slice(begin, end + 1), limit);
        }
      }),
    );
  });
});

/** One more call would not have fitted. */
function expectClosed(calls: StagedCalls, limits: Omit<BatchLimits, 'callBytesMax'>): void {
  const bytes = new Batch(calls, limits).bytes;
  const isOther = limits.sharesContext && new Set([...calls].map(({ shared }) => shared.toString())).size > 1;
  expect(bytes > limits.batchBytesMax || calls.count > limits.batchCallsMax || isOther).toBe(true);
}

function withoutUndefined({ note, context }: { note: string; context: Record<string, string> | undefined }) {
  return context === undefined ? { note } : { note, context };
}

test('a batch has at most as many calls as the destination takes', async () => {
  await using room = await openRoom({ profile: { batchCallsMax: 4 } });
  await room.stage(rows(1, 9).map((row) => callOf(row)));
  await room.deliver();
  expect(counts(room)).toEqual([4, 4, 1]);
});

describe('a context', () => {
  const phone = { device: { type: 'phone 📱' }, ip: '10.0.0.1' };
  const desk = { device: { type: 'desk' }, ip: '10.0.0.2' };

  test('that neighbours have in common stands beside their batch too, and another one opens another batch', async () => {
    await using room = await openRoom();
    await room.stage(
      [phone, phone, desk, desk, desk, undefined, undefined, phone].map((context, index) =>
        callOf(index + 1, context === undefined ? {} : { context }),
      ),
    );
    const { position } = await room.deliver();
    expect(position.delivered).toBe(8);
    expect(counts(room)).toEqual([2, 3, 2, 1]);
    expect(room.receiver.log.batches.map(({ shared }) => shared)).toEqual([
      { context: phone },
      { context: desk },
      {},
      { context: phone },
    ]);
    expect(room.receiver.log.violations).toEqual([]);
    expect(received(room)).toEqual(rows(1, 8).map(messageIdOf));
  });

  test('counts twice among the bytes of a batch, where it stands twice', async () => {
    const calls = rows(1, 4).map((row) => callOf(row, { context: phone }));
    const limit = Buffer.byteLength(bodyOf(calls)) + calls[0]!.sharedBytes;
    for (const [batchBytesMax, expected] of [
      [limit, [4]],
      [limit - 1, [3, 1]],
    ] as const) {
      await using room = await openRoom({ profile: { batchBytesMax } });
      await room.stage(calls);
      await room.deliver();
      expect(counts(room)).toEqual(expected);
      expect(Math.max(...sizes(room))).toBeLessThanOrEqual(batchBytesMax);
    }
  });

  test('stays with its call where the destination reads it there', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage([phone, desk, phone].map((context, index) => callOf(index + 1, { context })));
    await room.deliver();
    expect(counts(room)).toEqual([3]);
    expect(room.receiver.log.batches[0]?.shared).toEqual({});
    expect(room.receiver.log.calls.map(({ context }) => context)).toEqual([phone, desk, phone]);
  });
});

describe('a call that is too large', () => {
  test('does not count as refused: hundreds of them in a row do not stop the others', async () => {
    await using room = await openRoom({ profile: { callBytesMax: 500 } });
    const long = rows(1, 250).map((row) => callOf(row, { note: 'x'.repeat(500) }));
    await room.stage([...long, ...rows(251, 260).map((row) => callOf(row))]);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 10, failed: 250 });
    expect(room.receiver.log.stats()).toMatchObject({ received: 10, distinct: 10, violations: [] });
  });

  test('fails alone and is never sent; its neighbours arrive in order', async () => {
    await using room = await openRoom();
    await room.stage([callOf(1), callOfBytes(2, 32_001), callOf(3), callOfBytes(4, 32_000), callOf(5)]);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 4, failed: 1 });
    expect(received(room)).toEqual([1, 3, 4, 5].map(messageIdOf));
    const [failed] = await room.failedRows(position);
    expect(failed).toMatchObject({ row: 2, code: 'call_too_large', call: { userId: 'u2' } });
    expect(failed?.message).toContain('32001 bytes');
    expect(failed?.message).toContain('more than the 32000 that the destination shop-cdp takes');
  });

  test('in the first, the last and every place between is found', async () => {
    await using room = await openRoom();
    const isLarge = (row: number) => [1, 2, 5, 8].includes(row);
    await room.stage(rows(1, 8).map((row) => (isLarge(row) ? callOfBytes(row, 40_000) : callOf(row))));
    const { position, done } = await room.deliver();
    expect(done).toBe(true);
    expect(received(room)).toEqual([3, 4, 6, 7].map(messageIdOf));
    expect((await room.failedRows(position)).map(({ row }) => row)).toEqual([1, 2, 5, 8]);
  });

  test('for a batch of its own says so; one that just fits is sent', async () => {
    const fits = callOfBytes(1, 900);
    const batchBytesMax = Buffer.byteLength(bodyOf([fits]));
    await using room = await openRoom({ destination: { kind: 'http', batchBytesMax } });
    await room.stage([fits, callOfBytes(2, 901), callOf(3)]);
    const { position } = await room.deliver();
    expect(received(room)).toEqual([1, 3].map(messageIdOf));
    expect(sizes(room)[0]).toBe(batchBytesMax);
    const [failed] = await room.failedRows(position);
    expect(failed).toMatchObject({ row: 2, code: 'call_too_large' });
    expect(failed?.message).toContain(`too many for a batch of ${batchBytesMax}`);
  });
});
