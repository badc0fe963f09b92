import type { Measured } from './compete.ts';
import { rowcast } from './contestants/rowcast.ts';
import { keyOf, narrow } from './tables.ts';

/** Runs whose peaks are compared: of so many rows, and of ten times as many. */
const FEW = 100_000;
export const MANY = 1_000_000;
const MOST = 10_000_000;

/**
 * What ten times the rows may take more, in MB: garbage that is collected at another moment comes to less. A row that is
 * kept takes at least its id of 26 characters and a place to keep it in, some 100 bytes: as much of 900,000 rows.
 */
const MORE_MB_MAX = 86;

/** A run of more rows that took more memory. */
export interface Growth {
  readonly rows: number;
  readonly words: string;
}

/** What was compared, in words, and where Rowcast's worker took more memory for more rows. */
export interface GrowthSeen {
  readonly peaks: readonly string[];
  readonly grown: readonly Growth[];
}

/**
 * Compares the peaks of runs with those of ten times the rows. The peak of the first run of fewer is compared with the
 * lowest of more, of which chance alone makes a high one.
 */
export function memoryGrowth(measured: readonly Measured[]): GrowthSeen {
  const peaks = new Map([FEW, MANY, MOST].map((rows) => [rows, peaksOf(measured, rows)]));
  const grown = [MANY, MOST].flatMap((rows): Growth[] => {
    const [before] = peaks.get(rows / 10) ?? [];
    const after = Math.min(...(peaks.get(rows) ?? []));
    if (before === undefined || !Number.isFinite(after) || after - before <= MORE_MB_MAX) return [];
    return [{ rows, words: `Rowcast's worker took ${peak(rows, after)}, and ${peak(rows / 10, before)}` }];
  });
  const known = [...peaks].filter(([, all]) => all.length > 0);
  return { peaks: known.map(([rows, all]) => peak(rows, Math.min(...all))), grown };
}

function peak(rows: number, mb: number): string {
  return `${Math.round(mb)} MB for ${rows.toLocaleString('en-US')} rows`;
}

/** The peaks of its runs of so many narrow rows of PostgreSQL, in MB. */
function peaksOf(measured: readonly Measured[], rows: number): number[] {
  return measured
    .filter(({ contestant, table }) => contestant === rowcast && keyOf(table) === keyOf(narrow(rows)))
    .flatMap(({ figures }) => figures?.peakMb ?? []);
}
