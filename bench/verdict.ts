import type { Measured } from './compete.ts';
import { rowcast } from './contestants/rowcast.ts';
import { memoryGrowth } from './growth.ts';

export interface Verdict {
  /** What Rowcast did wrong, in the scenarios too. */
  readonly failures: readonly string[];
  /** What was looked at, in a sentence. */
  readonly checked: string;
}

/** What the bench says of Rowcast's correctness: every row, the calls, the memory; nothing of its speed. */
export function verdictOf(measured: readonly Measured[], wrongInScenarios: readonly string[] = []): Verdict {
  const ours = measured.filter(({ contestant }) => contestant === rowcast);
  const wrong = ours.flatMap(({ table, wrong: what }) =>
    what === null ? [] : [`Rowcast, ${table.rows} rows (${table.shape}, ${table.database}): ${what}`],
  );
  const { grown, peaks } = memoryGrowth(ours);
  const failures = [...wrong, ...grown.map(({ words }) => words), ...wrongInScenarios];
  const rows = ours.reduce((sum, { table }) => sum + table.rows, 0).toLocaleString('en-US');
  const memory =
    peaks.length > 1 ? `that memory does not grow with rows (${peaks.join(', ')})` : 'nothing of its memory';
  const checked =
    ours.length === 0
      ? 'Rowcast did not move anything, so nothing of it was checked.'
      : `Checked ${ours.length} runs of Rowcast with ${rows} rows: that every row came, that the calls of the first and ` +
        `the last batch are those of their rows, and ${memory}.`;
  const result = ours.length === 0 ? '' : ' Nothing is wrong.';
  return {
    failures,
    checked: checked + (failures.length === 0 ? result : ` Wrong: ${failures.length}, see above.`),
  };
}
