import type { ImportRecord } from '../client/index.ts';
import { count, moment, say, span } from './output.ts';

/** A run's name is long; its workflow id is enough to ask for it. */
export const shortRun = (run: string) => run.split('~')[0] ?? run;

/** Why intervals have no import of their own: the Schedule starts nothing while a run is under way. */
export function skippedWords({ skippedIntervals, startedAt, endedAt }: ImportRecord): string {
  const intervals = `${count(skippedIntervals)} interval${skippedIntervals === 1 ? '' : 's'} skipped`;
  return `${intervals}: the run of ${moment(startedAt)} took ${span(startedAt, endedAt)}`;
}

/** One import in words. */
export function sayImport(record: ImportRecord): void {
  const { sync, outcome, rows, delivered, failed } = record;
  const took = record.endedAt === null ? 'running' : `took ${span(record.startedAt, record.endedAt)}`;
  say(
    `${sync}: ${outcome}, ${count(rows)} rows read, ${count(delivered)} delivered, ${count(failed)} failed, ${took}`,
  );
  say(`  run      ${record.run}`);
  if (record.trigger !== 'retry')
    say(`  window   since ${record.since ?? '-'} until ${record.until ?? '-'} (Unix seconds)`);
  if (record.retryOf !== undefined) say(`  retry of ${shortRun(record.retryOf)}`);
  if (record.retried !== undefined)
    say(`  retried  by ${shortRun(record.retried.by)}; the counts say what came of it`);
  if (record.skippedIntervals > 0) say(`  skipped  ${skippedWords(record)}`);
  for (const warning of record.warnings) say(`  warning  ${warning}`);
  if (record.error !== null) say(`  ${record.errorCode ?? 'error'}: ${record.error}`);
  if ((failed ?? 0) > 0) say(`  see why with: rowcast import errors ${shortRun(record.run)}`);
}
