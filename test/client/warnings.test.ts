import { expect, test } from 'vitest';
import type { ImportRecord } from '../../client/index.ts';
import { warningsOf } from '../../client/warnings.ts';

/* What a glance at the syncs warns of, from the records of their runs. */

const NOW = Date.parse('2026-03-02T12:00:00Z');
const EVERY_5 = { enabled: true, every: '5 minutes', cron: null };

/** Runs, newest first, each five minutes before the one above it. */
function runs(count: number, fields: Partial<ImportRecord> = {}, minutes = 1): ImportRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const startMs = NOW - (index + 1) * 5 * 60_000;
    return {
      run: `run-${index}`,
      sync: 'people',
      outcome: 'succeeded',
      trigger: 'schedule',
      startedAt: new Date(startMs).toISOString(),
      endedAt: new Date(startMs + minutes * 60_000).toISOString(),
      since: 0,
      until: 1,
      rows: 10,
      delivered: 10,
      failed: 0,
      skippedIntervals: 0,
      errorCode: null,
      error: null,
      warnings: [],
      ...fields,
    };
  });
}

test('runs that end in time, deliver and fail nothing give no warning', () => {
  expect(warningsOf(EVERY_5, runs(30), NOW)).toEqual([]);
  expect(warningsOf(EVERY_5, [], NOW)).toEqual([]);
});

test('runs that overrun their interval are told with how many intervals were skipped, and why', () => {
  const records = [
    ...runs(3, { skippedIntervals: 1 }, 7),
    ...runs(1, { skippedIntervals: 1 }, 8),
    ...runs(30),
  ];
  expect(warningsOf(EVERY_5, records, NOW)).toEqual([
    '4 of the last 20 intervals were skipped: the sync takes 7 minutes and is due every 5 minutes.',
  ]);
  const daily = { enabled: true, every: null, cron: '0 2 * * *' };
  expect(warningsOf(daily, runs(1, { skippedIntervals: 1 }, 60 * 25), NOW)).toEqual([
    '1 of the last 2 intervals was skipped: the sync takes 25 hours and is due at "0 2 * * *".',
  ]);
});

test('intervals that were skipped long ago are not told any more', () => {
  expect(warningsOf(EVERY_5, [...runs(20), ...runs(5, { skippedIntervals: 3 }, 20)], NOW)).toEqual([]);
});

test('three runs that failed in a row are told with the newest reason, two are not', () => {
  const failed = { outcome: 'failed', error: 'column "plam" does not exist', delivered: 0 } as const;
  expect(warningsOf(EVERY_5, [...runs(3, failed), ...runs(9)], NOW)).toEqual([
    'The last 3 runs failed, most lately by: column "plam" does not exist',
  ]);
  expect(warningsOf(EVERY_5, [...runs(2, failed), ...runs(9)], NOW)).toEqual([]);
});

test('rows that fail in every run that has rows are told, empty runs between them or not', () => {
  const bad = runs(3, { outcome: 'succeeded_with_errors', failed: 1, delivered: 9 });
  const empty = runs(2, { rows: 0, delivered: 0 });
  expect(warningsOf(EVERY_5, [...bad, ...empty], NOW)).toEqual([
    'Each of the last 3 runs with rows had rows that failed; `rowcast import errors` says why.',
  ]);
  expect(warningsOf(EVERY_5, [...bad, ...empty, ...runs(1)], NOW)).toEqual([]);
});

test('a sync that delivers nothing for a day and many runs is told, a disabled one or a short silence is not', () => {
  const empty = runs(300, { rows: 0, delivered: 0 });
  expect(warningsOf(EVERY_5, empty, NOW)).toEqual([
    'Nothing was delivered for 25 hours, by 300 runs; see that the query still finds what changes.',
  ]);
  expect(warningsOf({ ...EVERY_5, enabled: false }, empty, NOW)).toEqual([]);
  expect(warningsOf(EVERY_5, empty.slice(0, 100), NOW)).toEqual([]);
});

test('a sync whose Schedule is gone does not run, and says so', () => {
  expect(warningsOf({ enabled: null, every: null, cron: null }, runs(1), NOW)).toEqual([
    'Its Schedule was deleted elsewhere, so it does not run; `rowcast apply` creates it.',
  ]);
});
