import type { Measured } from '../compete.ts';
import type { EngineFigures } from '../contestants/contestant.ts';
import { keyOf } from '../tables.ts';
import type { TableSpec } from '../tables.ts';
import { median } from './cells.ts';

/** What fewer rows cost is mostly the start of the process. */
export const ROWS_FOR_CPU = 10_000;

/** The runs of a contestant with a table. */
export function runsOf(measured: readonly Measured[], name: string, table: TableSpec): Measured[] {
  return measured.filter((each) => each.contestant.name === name && keyOf(each.table) === keyOf(table));
}

/**
 * The same, or those with the largest table of fewer rows where the contestant is too slow for this one. Of so few rows
 * the start of a script is a larger share than it would be of all, so that they are compared with as many of Rowcast's.
 */
export function runsInstead(measured: readonly Measured[], name: string, table: TableSpec): Measured[] {
  return runsOf(measured, name, { ...table, rows: Math.max(...sizesOf(measured, name, table)) });
}

/** The sizes of such tables that a contestant moved, up to that of this one. */
function sizesOf(measured: readonly Measured[], name: string, table: TableSpec): number[] {
  return measured
    .filter(({ contestant, table: { database, shape } }) => {
      return contestant.name === name && database === table.database && shape === table.shape;
    })
    .map(({ table: { rows } }) => rows)
    .filter((rows) => rows === table.rows || (rows < table.rows && rows >= ROWS_FOR_CPU));
}

/**
 * Rowcast's rows a second by a contestant's, with the largest such table that both moved, up to this one; NaN where
 * there is none, or a run was wrong.
 */
export function rateAgainst(measured: readonly Measured[], name: string, table: TableSpec): number {
  const ours = new Set(sizesOf(measured, 'Rowcast', table));
  const rows = Math.max(...sizesOf(measured, name, table).filter((size) => ours.has(size)));
  const rateOfName = (each: string) => rateOf(runsOf(measured, each, { ...table, rows }));
  return rateOfName('Rowcast') / rateOfName(name);
}

/** Rows a second, the median. Of runs of which one was wrong there is no figure: NaN, here and below. */
export function rateOf(runs: readonly Measured[]): number {
  return medianOf(runs, ({ figures, table }) => (table.rows / (figures?.ms ?? NaN)) * 1_000);
}

/** The median of a figure of Rowcast's. */
export function engineOf(runs: readonly Measured[], value: (figures: EngineFigures) => number): number {
  return medianOf(runs, ({ figures }) => (figures?.engine === undefined ? NaN : value(figures.engine)));
}

/** Seconds that a run takes beyond its wait for the end of the second in which it began, the median. */
export function beyondWaitOf(runs: readonly Measured[]): number {
  return medianOf(runs, ({ figures }) => ((figures?.ms ?? NaN) - (figures?.engine?.waitMs ?? NaN)) / 1_000);
}

/** The most memory that any of the runs had, in MB. */
export function peakOf(runs: readonly Measured[]): number {
  if (runs.length === 0 || isAnyWrong(runs)) return NaN;
  return Math.max(...runs.map(({ figures }) => figures?.peakMb ?? NaN));
}

/** The median of their peaks, in MB. */
export function usualPeakOf(runs: readonly Measured[]): number {
  return medianOf(runs, ({ figures }) => figures?.peakMb ?? NaN);
}

/** How long they took, the median in milliseconds. */
export function msOf(runs: readonly Measured[]): number {
  return medianOf(runs, ({ figures }) => figures?.ms ?? NaN);
}

function medianOf(runs: readonly Measured[], valueOf: (run: Measured) => number): number {
  return isAnyWrong(runs) ? NaN : median(runs.map(valueOf));
}

function isAnyWrong(runs: readonly Measured[]): boolean {
  return runs.some(({ wrong }) => wrong !== null);
}
