import type { ImportRecord } from '../../client/index.ts';
import { cameOf, twiceWords } from '../came.ts';
import type { Counts } from '../received.ts';

/** What runs and receivers say of whether all went well. */
export interface Found {
  /** What must not be, in words. */
  readonly wrong: readonly string[];
  /** How many calls came again, with the messageId that they had. */
  readonly twice: number;
}

type Run = Pick<ImportRecord, 'run' | 'outcome' | 'error' | 'rows'>;

/** Looks at runs, each of a table of so many rows, and at what all of them together have sent. */
export function foundIn(
  runs: readonly Run[],
  rowsEach: number,
  received: readonly Pick<Counts, 'calls' | 'distinct'>[],
): Found {
  const sum = (field: 'calls' | 'distinct') => received.reduce((total, each) => total + each[field], 0);
  const { lost, twice } = cameOf(runs.length * rowsEach, { calls: sum('calls'), distinct: sum('distinct') });
  const ofRuns = runs.flatMap(({ run, outcome, error, rows }) => {
    if (outcome !== 'succeeded') return [`${run} ended as ${outcome}: ${error ?? ''}`];
    return rows === rowsEach ? [] : [`${run} read ${rows ?? 'no'} rows of ${rowsEach}`];
  });
  return { wrong: lost === null ? ofRuns : [...ofRuns, lost], twice };
}

/** All of it as one. */
export function together(found: readonly Found[]): Found {
  return {
    wrong: found.flatMap(({ wrong }) => wrong),
    twice: found.reduce((sum, { twice }) => sum + twice, 0),
  };
}

/** `each row came once`, where that is true. */
export function wordsOf({ wrong, twice }: Found): string {
  if (wrong.length > 0) return wrong.join('; ');
  const again = twiceWords(twice);
  return again === null ? 'each row came once' : `each row came, and ${again}`;
}

/** Intervals that started no run, as Rowcast counts them. */
export function skippedOf(runs: readonly Pick<ImportRecord, 'skippedIntervals'>[]): number {
  return runs.reduce((sum, { skippedIntervals }) => sum + skippedIntervals, 0);
}

/** What is wrong where Rowcast cannot say of every run that was due what became of it. */
export function missingOf(due: number, runs: readonly Pick<ImportRecord, 'skippedIntervals'>[]): string[] {
  const missing = due - runs.length - skippedOf(runs);
  if (missing <= 0) return [];
  return [`${missing} of ${due} runs that were due neither took place nor were counted as skipped`];
}
