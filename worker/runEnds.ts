import type { InjectedSinks } from '@temporalio/worker';
import { isFailureCode } from '../errors.ts';
import type { ImportRecord, Outcome } from '../workflows/contract.ts';
import type { RunSinks } from '../workflows/observed.ts';
import { discreetWords } from '../workflows/discreetWords.ts';
import type { Level, Log } from './log.ts';

/** Where the workflows of a worker tell that runs have ended: once for each, whichever worker it was read on. */
export function runSinks(ended: (record: ImportRecord) => void): InjectedSinks<RunSinks> {
  return { runs: { ended: { fn: (_info, record) => ended(record), callDuringReplay: false } } };
}

const LEVELS: Readonly<Record<Outcome, Level>> = {
  running: 'info',
  succeeded: 'info',
  skipped: 'info',
  cancelled: 'info',
  succeeded_with_errors: 'warn',
  failed: 'error',
};

/** The one line of a run. */
export function logEnded(log: Log, record: ImportRecord): void {
  const { run, sync, outcome, trigger, startedAt, endedAt, since, until, rows, delivered, failed } = record;
  const { skippedIntervals, errorCode } = record;
  const seconds = (Date.parse(endedAt ?? startedAt) - Date.parse(startedAt)) / 1_000;
  log[LEVELS[outcome]](sentenceOf(record, seconds), {
    ...{ sync, run, outcome, code: errorCode, trigger, seconds, since, until, rows, delivered, failed },
    skippedIntervals: skippedIntervals === 0 ? null : skippedIntervals,
  });
}

function sentenceOf(
  { sync, outcome, rows, delivered, failed, errorCode, error }: ImportRecord,
  seconds: number,
) {
  const counts =
    rows === null ? '' : `, ${rows} rows read, ${delivered ?? 0} delivered, ${failed ?? 0} failed`;
  const why = isFailureCode(errorCode) && error !== null ? `: ${discreetWords(errorCode, error)}` : '';
  return `${sync}: ${outcome}${counts}, took ${seconds.toFixed(1)} s${why}`;
}
