import { expect, test } from 'vitest';
import { ENTRY_BYTES } from '../../storage/calls.ts';
import { memoryForChunk, SPARE_BYTES, stagedCalls } from '../../storage/stagedCalls.ts';
import { callOf, callsIn } from './calls.ts';
import { chunkOf } from './chunk.ts';

/* The calls of a chunk, wherever in memory it lies. */

const ROWS = 5;

/** Of the numbers in the entries, which typed arrays begin at multiples of. */
const NUMBER_BYTES = 8;

const CALLS = Array.from({ length: ROWS }, (_none, index) => callOf(`user-${'x'.repeat(index)}`));
const chunk = chunkOf(CALLS);
const expected = callsIn(chunk, ROWS);

test.each(Array.from({ length: NUMBER_BYTES }, (_none, at) => at))(
  'a chunk that lies %i bytes from where numbers may be looked at has the same calls',
  (at) => {
    const memory = Buffer.alloc(chunk.length + at);
    chunk.copy(memory, at);
    expect(callsIn(memory.subarray(at), ROWS)).toEqual(expected);
  },
);

test('a chunk is read, from any of its calls on, into memory where its entries are looked at as they lie', () => {
  const memory = Buffer.alloc(chunk.length + SPARE_BYTES);
  for (const { end: offset } of [{ end: 0 }, ...expected.slice(0, -1)]) {
    const room = memoryForChunk(memory, { bytes: chunk.length, rows: ROWS }, offset);
    const part = room.subarray(0, chunk.copy(room, 0, offset));
    const entriesAt = part.byteOffset + part.length - ROWS * ENTRY_BYTES;
    expect(part.length).toBe(chunk.length - offset);
    // Where large memory begins, some processors copy at a fifth of their speed.
    expect(part.byteOffset - memory.byteOffset).toBeGreaterThanOrEqual(32);
    expect(entriesAt % NUMBER_BYTES).toBe(0);
    const calls = stagedCalls(part, { rows: ROWS, offset });
    const rest = expected.filter(({ end }) => end > offset);
    expect([...calls].map(({ row, json }) => [row, String(json)])).toEqual(
      rest.map(({ row, json }) => [row, json]),
    );
    expect(rest.map((_call, index) => calls.end(index))).toEqual(rest.map(({ end }) => end));
  }
});
