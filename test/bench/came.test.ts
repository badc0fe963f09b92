import { expect, test } from 'vitest';
import { cameOf, twiceWords } from '../../bench/came.ts';
import { foundIn, missingOf, together, wordsOf } from '../../bench/scenarios/found.ts';
import { rowcast } from '../../bench/contestants/rowcast.ts';
import { narrow } from '../../bench/tables.ts';
import { verdictOf } from '../../bench/verdict.ts';

const run = (rows: number | null, outcome: 'succeeded' | 'failed' = 'succeeded') => ({
  ...{ run: 'people/1', outcome, rows },
  error: outcome === 'failed' ? 'the disk is full' : null,
});

test('a row that never came is lost, though as many calls came as there are rows', () => {
  expect(cameOf(1_000, { calls: 1_000, distinct: 999 }).lost).toContain('999 of them are distinct');
});

test('a call that came again with its messageId is told, and is no fault', () => {
  const { lost, twice } = cameOf(1_000, { calls: 1_012, distinct: 1_000 });
  expect([lost, twiceWords(twice)]).toEqual([null, '12 calls came twice']);
});

test('more rows than there are is as wrong as fewer', () => {
  expect(cameOf(1_000, { calls: 1_001, distinct: 1_001 }).lost).not.toBeNull();
});

test('a run is held against the rows of its table, not against what it says that it has read', () => {
  const { wrong } = foundIn([run(999)], 1_000, [{ calls: 999, distinct: 999 }]);
  expect(wrong).toEqual([
    'people/1 read 999 rows of 1000',
    '999 calls came of 1000 rows, and 999 of them are distinct',
  ]);
});

test('a run that failed is told with its error', () => {
  const { wrong } = foundIn([run(null, 'failed')], 1_000, [{ calls: 1_000, distinct: 1_000 }]);
  expect(wrong).toEqual(['people/1 ended as failed: the disk is full']);
});

test('a scenario says that each row came once only where none came twice, to any of its receivers', () => {
  const runs = [run(10), run(10)];
  const once = foundIn(runs, 10, [
    { calls: 5, distinct: 5 },
    { calls: 15, distinct: 15 },
  ]);
  const again = foundIn(runs, 10, [{ calls: 21, distinct: 20 }]);
  expect(wordsOf(once)).toBe('each row came once');
  expect(wordsOf(together([once, again]))).toBe('each row came, and 1 call came twice');
});

test('a run that was due, and neither took place nor was counted as skipped, is wrong', () => {
  const runs = [{ skippedIntervals: 0 }, { skippedIntervals: 2 }];
  expect(missingOf(4, runs)).toEqual([]);
  expect(missingOf(5, runs)).toEqual([
    '1 of 5 runs that were due neither took place nor were counted as skipped',
  ]);
});

test('a bench whose scenario failed does not end by saying that nothing is wrong', () => {
  const figures = { ms: 1_000, cpuMs: 1_000, peakMb: 300 };
  const counts = { requests: 1, calls: 1_000, bytes: 1_000, distinct: 1_000 };
  const well = { round: 1, load: [0, 0], figures, counts, databaseCpuMs: 0, wrong: null } as const;
  const measured = { ...well, contestant: rowcast, table: narrow(1_000) };
  const { failures, checked } = verdictOf([measured], ['many syncs: a row was lost']);
  expect(failures).toEqual(['many syncs: a row was lost']);
  expect(checked).not.toContain('Nothing is wrong.');
});
