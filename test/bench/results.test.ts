import { expect, test } from 'vitest';
import type { Measured } from '../../bench/compete.ts';
import type { Contestant } from '../../bench/contestants/contestant.ts';
import { CONTESTANTS } from '../../bench/contestants/index.ts';
import { planOf } from '../../bench/plan.ts';
import { rateAgainst } from '../../bench/results/runs.ts';
import { targetsText } from '../../bench/results/targets.ts';
import { tableText } from '../../bench/results/tables.ts';
import { keyOf, narrow } from '../../bench/tables.ts';

const contestantOf = (name: string) => CONTESTANTS.find((each) => each.name === name) as Contestant;

function ran(name: string, rows: number, rate: number, wrong: string | null = null): Measured {
  const figures = { ms: (rows / rate) * 1_000, cpuMs: 1_000, peakMb: 200 };
  const counts = { requests: 1, calls: rows, bytes: rows, distinct: rows };
  const contestant = contestantOf(name);
  const table = narrow(rows);
  return { contestant, table, round: 1, load: [0, 0], figures, counts, databaseCpuMs: 1_000, wrong };
}

const lineOf = (text: string, begin: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`| ${begin}`))
    ?.split('|')
    .map((cell) => cell.trim());

test('the results say of each target whether it was reached, from what was measured', () => {
  const text = targetsText([
    ran('COPY, drained', 1_000_000, 200_000),
    ran('Rowcast', 1_000_000, 80_000),
    ran('Rowcast', 100_000, 80_000),
    ran('dlt', 1_000_000, 40_000),
    ran('a script on @segment/analytics-node', 100_000, 5_000),
  ]);
  expect(lineOf(text, 'against the faster of the scripts')).toContain('not measured');
  expect(lineOf(text, '1,000,000 narrow rows')).toEqual(
    expect.arrayContaining(['0.35', '0.50', '0.40', 'reached']),
  );
  expect(lineOf(text, 'against dlt')).toEqual(expect.arrayContaining(['2.0 ×', '**missed**']));
  expect(lineOf(text, 'peak memory of the worker at')).toEqual(expect.arrayContaining(['200 MB', 'aim']));
  expect(lineOf(text, 'history of a 10,000,000-row run')).toContain('not measured');
});

test('a contestant that lost a row has no figure', () => {
  const lost = ran('dlt', 1_000_000, 50_000, '999,999 calls came');
  const text = tableText([ran('Rowcast', 1_000_000, 80_000), lost], narrow(1_000_000));
  expect(lineOf(text, 'dlt')).toEqual([
    '',
    'dlt',
    'none: 999,999 calls came',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
  ]);
});

test('a contestant that is too slow for a table stands in it with fewer rows, beside as many of Rowcast’s', () => {
  const runs = [ran('Rowcast', 1_000_000, 80_000), ran('Rowcast', 50_000, 40_000), ran('drt', 50_000, 4_000)];
  const text = tableText(runs, narrow(1_000_000));
  expect(lineOf(text, 'drt (50,000 rows)')).toEqual(expect.arrayContaining(['4,000', '10.0 ×']));
});

test('calls that came again are told beside the figure', () => {
  const run = ran('Rowcast', 1_000_000, 80_000);
  const again = { ...run, counts: { requests: 1, bytes: 1, calls: 1_002_500, distinct: 1_000_000 } };
  const text = tableText([again], narrow(1_000_000));
  expect(lineOf(text, 'Rowcast (2,500 calls came twice)')).toContain('80,000');
});

test('Rowcast is compared with a contestant at the largest size that both moved', () => {
  const runs = [
    ran('Rowcast', 1_000_000, 80_000),
    ran('Rowcast', 100_000, 60_000),
    ran('dlt', 100_000, 20_000),
  ];
  expect(rateAgainst(runs, 'dlt', narrow(1_000_000))).toBeCloseTo(3);
  const whole = [...runs, ran('dlt', 1_000_000, 40_000)];
  expect(rateAgainst(whole, 'dlt', narrow(1_000_000))).toBeCloseTo(2);
  expect(rateAgainst(runs, 'drt', narrow(1_000_000))).toBeNaN();
});

test('whoever is too slow for a table has Rowcast beside it at its own size', () => {
  for (const isQuick of [true, false]) {
    const { entries } = planOf(CONTESTANTS, { isQuick, hasMariadb: true });
    const alone = entries.filter(({ contestants }) => !contestants.some(({ name }) => name === 'Rowcast'));
    expect(alone).toEqual([]);
  }
});

test('Rowcast has no figure either where one of its runs lost a row', () => {
  const runs = [
    ran('COPY, drained', 1_000_000, 200_000),
    ran('Rowcast', 1_000_000, 80_000),
    ran('Rowcast', 1_000_000, 80_000, '999,999 calls came'),
  ];
  const text = targetsText(runs);
  expect(lineOf(text, '1,000,000 narrow rows')).toContain('not measured');
  expect(lineOf(text, 'peak memory of the worker at')).toContain('not measured');
});

test('the median of two runs lies between them', () => {
  const text = tableText(
    [ran('Rowcast', 1_000_000, 80_000), ran('Rowcast', 1_000_000, 60_000)],
    narrow(1_000_000),
  );
  expect(lineOf(text, 'Rowcast')).toContain('70,000');
});

const WHOLE = planOf(CONTESTANTS, { isQuick: false, hasMariadb: true });

const moversOf = (rows: number) =>
  WHOLE.entries
    .find(({ table }) => keyOf(table) === keyOf(narrow(rows)))
    ?.contestants.map(({ name }) => name);

test('every contestant has a table to move, in the whole bench', () => {
  const moving = new Set(WHOLE.entries.flatMap(({ contestants }) => contestants));
  expect([...moving].length).toBe(CONTESTANTS.length);
});

test('ten million rows are moved by those who are fast enough', () => {
  expect(moversOf(10_000_000)).toEqual(['COPY, drained', 'Rowcast']);
});

test('what Rowcast is held against at a million rows is moved beside it', () => {
  expect(moversOf(1_000_000)).toEqual([
    'COPY, drained',
    'prepared batches, posted',
    'a bare loop',
    'Rowcast',
    'a script on @customerio/cdp-analytics-node',
    'a script on @segment/analytics-node',
    'dlt',
  ]);
});

test('the quick bench moves nothing that only the whole one does', () => {
  const { entries } = planOf(CONTESTANTS, { isQuick: true, hasMariadb: false });
  expect(entries.map(({ table }) => `${table.shape} ${table.rows}`)).toEqual([
    'narrow 0',
    'narrow 1000',
    'narrow 20000',
    'narrow 100000',
    'narrow 1000000',
    'wide 2000',
    'heavy 2000',
    'address 500',
  ]);
  const others = entries.filter(({ table }) => table.shape !== 'narrow');
  expect(others.flatMap(({ contestants }) => contestants.map(({ name }) => name))).toEqual([
    'Rowcast',
    'Rowcast',
    'Rowcast',
  ]);
});
