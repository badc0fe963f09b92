import { describe, expect, test } from 'vitest';
import { END, ENTRY_BYTES, ROW, SHARED_BYTES } from '../../storage/calls.ts';
import { callOf, callsIn } from './calls.ts';
import { chunkOf } from './chunk.ts';
import { lineOf } from './lines.ts';

/* Chunks that are not what was staged. */

const CALLS = [1, 2, 3].map((row) => callOf(`user-${row}`, { context: { ip: '::1' } }));

const damagedAt = (byte: number) =>
  expect.objectContaining({
    code: 'storage_corrupt',
    message: `A staged chunk is damaged at byte ${byte}; the run fails, and its window repeats from the source.`,
  }) as unknown;

describe('a damaged chunk', () => {
  const chunk = chunkOf(CALLS);
  const callsEnd = chunk.length - CALLS.length * ENTRY_BYTES;
  const read = (bytes: Buffer, offset = 0) => callsIn(bytes, CALLS.length, offset);
  const [first] = read(chunk);

  /** The chunk with another number in the entry of one of its calls. */
  function withNumber(index: number, what: number, change: (number: number) => number): Buffer {
    const damaged = Buffer.from(chunk);
    const at = callsEnd + index * ENTRY_BYTES + what * 8;
    damaged.writeDoubleLE(change(damaged.readDoubleLE(at)), at);
    return damaged;
  }

  test('is refused wherever it is cut off', () => {
    for (let length = 1; length < chunk.length; length += 1) {
      expect(() => read(chunk.subarray(0, length)), String(length)).toThrow(
        'A staged chunk is damaged at byte ',
      );
      expect(() => read(chunk.subarray(first!.end, Math.max(length, first!.end + 1)), first!.end)).toThrow(
        'A staged chunk is damaged at byte ',
      );
    }
  });

  test('is refused where a call does not begin or end as one, with the byte where it should begin', () => {
    for (const at of [first!.end, first!.end + first!.json.length - 1, first!.end + first!.json.length]) {
      const damaged = Buffer.from(chunk);
      damaged[at] = 0x78;
      expect(() => read(damaged), String(at)).toThrow(damagedAt(first!.end));
    }
  });

  test.each([
    ['row is none', ROW, () => 0],
    ['row is negative', ROW, () => -1],
    ['row is a fraction', ROW, (row: number) => row + 0.5],
    ['row is no number', ROW, () => NaN],
    ['end is before its begin', END, () => 1],
    ['end is another one', END, (end: number) => end - 1],
    ['end is beyond the chunk', END, () => 1e12],
    ['end is a fraction', END, (end: number) => end + 0.5],
    ['end is no number', END, () => NaN],
    ['shared part is negative', SHARED_BYTES, () => -1],
    ['shared part reaches beyond it', SHARED_BYTES, () => 5_000],
    ['shared part is no number', SHARED_BYTES, () => Infinity],
  ])('is refused where the entry of a call says that its %s', (_words, what, change) => {
    expect(() => read(withNumber(1, what, change))).toThrow(damagedAt(first!.end));
    const rest = withNumber(1, what, change).subarray(first!.end);
    expect(() => read(rest, first!.end)).toThrow(damagedAt(first!.end));
  });

  test('is refused where it has more calls than is known of it, or fewer', () => {
    for (const rows of [0, 2, 4, 1_000_000]) {
      expect(() => callsIn(chunk, rows)).toThrow('A staged chunk is damaged at byte ');
    }
  });

  test('is refused where its last call, from which on it is read, should lie before that', () => {
    const last = read(chunk)[1]!.end;
    const damaged = withNumber(1, END, (end) => end - 5).subarray(last);
    expect(() => read(damaged, last)).toThrow(damagedAt(callsEnd));
  });

  test('is refused where it has a hole in the middle of a call, with the byte where that begins', () => {
    for (const offset of [0, first!.end]) {
      const damaged = Buffer.from(chunk);
      damaged.fill(0, first!.end + 20, first!.end + 30);
      expect(() => read(damaged.subarray(offset), offset)).toThrow(damagedAt(first!.end + 20));
    }
  });

  test('is not read from the middle of a call', () => {
    expect(() => read(chunk.subarray(3), 3)).toThrow(damagedAt(first!.end));
  });
});

describe('a damaged chunk of a version until 0.5.0', () => {
  const chunk = Buffer.from(CALLS.map((call, index) => lineOf(index + 1, call)).join(''));
  const read = (bytes: Buffer, offset = 0) => callsIn(bytes, CALLS.length, offset);
  const lineEnds = read(chunk).map(({ end }) => end);

  test('that is cut off within a line is refused, with the byte where that line begins', () => {
    for (let length = 1; length < chunk.length; length += 1) {
      const begin = [0, ...lineEnds].findLast((end) => end <= length)!;
      const cutOff = () => read(chunk.subarray(0, length));
      if (begin === length) expect(cutOff()).toHaveLength(lineEnds.indexOf(begin) + 1);
      else expect(cutOff).toThrow(damagedAt(begin));
    }
  });

  test('whose numbers or brace are something else is refused', () => {
    const json = chunk.indexOf('{');
    for (const at of [5, 9, json - 2, json]) {
      const damaged = Buffer.from(chunk);
      damaged[at] = 0x78;
      expect(() => read(damaged), String(at)).toThrow(damagedAt(0));
    }
  });

  test('whose shared part would reach beyond its line is refused', () => {
    const long = Buffer.from(lineOf(1, { ...callOf('ann'), sharedBytes: 5_000 }));
    expect(() => read(Buffer.concat([long, chunk]))).toThrow(damagedAt(0));
  });

  test('with more lines than is known of it is refused', () => {
    expect(() => callsIn(chunk, 2)).toThrow(damagedAt(lineEnds[1]!));
  });

  test('is not read from the middle of a line', () => {
    expect(() => read(chunk.subarray(3), 3)).toThrow(damagedAt(3));
  });
});
