import { expect, test } from 'vitest';
import type { Measured } from '../../bench/compete.ts';
import { rowcast } from '../../bench/contestants/rowcast.ts';
import { narrow } from '../../bench/tables.ts';
import { verdictOf } from '../../bench/verdict.ts';

/** A run of Rowcast that went well. */
function ran(rows: number, peakMb: number | null, wrong: string | null = null): Measured {
  const figures = { ms: 1_000, cpuMs: 1_000, peakMb };
  const counts = { requests: 1, calls: rows, bytes: rows, distinct: rows };
  const table = narrow(rows);
  return { contestant: rowcast, table, round: 1, load: [0, 0], figures, counts, databaseCpuMs: 0, wrong };
}

const failuresOf = (...measured: Measured[]) => verdictOf(measured).failures;

test('a bench whose rows all came, in flat memory, passes and says what it looked at', () => {
  const { failures, checked } = verdictOf([ran(100_000, 300), ran(1_000_000, 330)]);
  expect(failures).toEqual([]);
  expect(checked).toContain('2 runs of Rowcast with 1,100,000 rows');
  expect(checked).toContain('300 MB for 100,000 rows, 330 MB for 1,000,000 rows');
});

test('a bench fails that lost a row, and names the table', () => {
  expect(failuresOf(ran(1_000, 300, '999 calls came, 999 of them distinct'))).toEqual([
    'Rowcast, 1000 rows (narrow, postgres): 999 calls came, 999 of them distinct',
  ]);
});

test('a bench fails whose memory grows by the hundred bytes that a row might leave behind', () => {
  expect(failuresOf(ran(100_000, 300), ran(1_000_000, 400))).toEqual([
    "Rowcast's worker took 400 MB for 1,000,000 rows, and 300 MB for 100,000 rows",
  ]);
});

test('a worker that took more memory once, and not again, has only collected its garbage late', () => {
  expect(failuresOf(ran(100_000, 300), ran(1_000_000, 400), ran(1_000_000, 320))).toEqual([]);
});

test('a worker that keeps what it has moved is found out by its first run, whatever the later ones begin with', () => {
  const first = [ran(100_000, 300), ran(1_000_000, 400)];
  expect(failuresOf(...first, ran(100_000, 400), ran(1_000_000, 500))).toHaveLength(1);
});

test('a system that does not tell the memory of processes fails no bench', () => {
  const { failures, checked } = verdictOf([ran(100_000, null), ran(1_000_000, null)]);
  expect(failures).toEqual([]);
  expect(checked).toContain('nothing of its memory');
});

test('memory that grows from one million rows to ten is found as well', () => {
  const flat = [ran(100_000, 300), ran(1_000_000, 320)];
  expect(failuresOf(...flat, ran(10_000_000, 340))).toEqual([]);
  expect(failuresOf(...flat, ran(10_000_000, 500))).toEqual([
    "Rowcast's worker took 500 MB for 10,000,000 rows, and 320 MB for 1,000,000 rows",
  ]);
});

test('a bench without Rowcast does not say that nothing is wrong', () => {
  expect(verdictOf([]).checked).toBe('Rowcast did not move anything, so nothing of it was checked.');
});
