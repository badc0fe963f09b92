import { expect, test } from 'vitest';
import type { MappedCall } from '../../mapping/mapper.ts';
import type { ChunkReference } from '../../storage/manifest.ts';
import { chunkOf } from '../storage/chunk.ts';
import { lineOf } from '../storage/lines.ts';
import { callOf, callOfBytes, messageIdOf, openRoom } from './room.ts';

/* Chunks of this version, and of those whose runs may be in flight still. */

const PHONE = { device: { type: 'phone 📱' } };
const CALLS = [
  [callOf(1, { context: PHONE }), callOf(2, { context: PHONE }), callOf(3), callOfBytes(4, 40_000)],
  [callOf(5, { note: '[{}],"' }), callOfBytes(6, 1_000), callOf(7, { context: PHONE })],
];

const FORMS: [string, (calls: readonly MappedCall[], firstRow: number) => Buffer][] = [
  ['this version', (calls, firstRow) => chunkOf(calls, { firstRow })],
  [
    'a version until 0.5.0',
    (calls, firstRow) => Buffer.from(calls.map((call, index) => lineOf(firstRow + index, call)).join('')),
  ],
];

test.each(FORMS)(
  'chunks of %s are delivered as they were mapped, from any position on',
  async (_words, form) => {
    await using room = await openRoom({ profile: { batchCallsMax: 2, callBytesMax: 10_000 } });
    const chunks: ChunkReference[] = [];
    let firstRow = 1;
    for (const calls of CALLS) {
      const body = form(calls, firstRow);
      const key = `runs/people/run/extract/chunks/0-${chunks.length}`;
      await room.storage.put(key, body);
      chunks.push({ key, rows: calls.length, bytes: body.length });
      firstRow += calls.length;
    }
    const { position } = await room.deliver({ chunks, keepCalls: 100 });
    expect(position).toMatchObject({ chunk: 2, delivered: 6, failed: 1 });
    expect(await room.failedRows(position)).toMatchObject([{ row: 4, code: 'call_too_large' }]);
    const kept = await room.deliveredCalls(position);
    const sent = CALLS.flat().filter((call) => call.messageId !== messageIdOf(4));
    expect(kept.map(({ row }) => row)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(kept.map(({ call }) => call)).toEqual(sent.map(({ json }) => JSON.parse(json) as unknown));
    expect(room.receiver.log.calls.map(({ messageId }) => messageId)).toEqual(
      sent.map((call) => call.messageId),
    );
    expect(room.receiver.log.violations).toEqual([]);

    const told = [...room.positions];
    // One within each chunk at least, and one at the end of each before its next begins.
    expect(told.length).toBeGreaterThan(6);
    for (const from of told) {
      const before = room.receiver.log.stats().received;
      const again = await room.deliver({ chunks, keepCalls: 100, position: from });
      expect(again.position).toMatchObject({ chunk: 2, delivered: 6, failed: 1 });
      expect(room.receiver.log.stats().received - before).toBe(6 - from.delivered);
    }
  },
);
