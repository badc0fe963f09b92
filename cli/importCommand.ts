import type { Command } from 'commander';
import { Option } from 'commander';
import type { ImportRecord, ImportsRequest, Outcome } from '../client/index.ts';
import { addImportCalls } from './importCalls.ts';
import { addImportErrors } from './importErrors.ts';
import { addImportRetry } from './importRetry.ts';
import { count, moment, say, sayJson, sayTable, span } from './output.ts';
import { sayImport, shortRun, skippedWords } from './sayImport.ts';
import { unixSeconds, wholeNumber } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

const OUTCOMES: Outcome[] = [
  'running',
  'succeeded',
  'succeeded_with_errors',
  'failed',
  'skipped',
  'cancelled',
];

export function addImport(program: Command): void {
  const command = program.command('import').description('what became of runs');
  addListAndShow(command);
  command
    .command('cancel <run>')
    .description('stop a run under way: its query and its requests; its window repeats with the next run')
    .action(async (run: string) => {
      const record = await withRowcast((rowcast, signal) => rowcast.imports.cancel(run, signal));
      sayCancelled(record);
    });
  addImportErrors(command);
  addImportRetry(command);
  addImportCalls(command);
}

function addListAndShow(command: Command): void {
  command
    .command('list [sync]')
    .description('imports, newest first')
    .option('--limit <number>', 'how many, 1 to 1000', wholeNumber('--limit', 1, 1_000), 20)
    .addOption(new Option('--outcome <outcome>', 'only those that ended so').choices(OUTCOMES))
    .option('--since <time>', 'only those that began then or later', unixSeconds('--since'))
    .option('--until <time>', 'only those that began before', unixSeconds('--until'))
    .option('--page-token <token>', 'go on after a page, by what it said at its end')
    .option('--json', 'print JSON')
    .action(async (sync: string | undefined, { json, ...options }: ListOptions) => {
      const { items, nextPageToken } = await withRowcast((rowcast, signal) =>
        rowcast.imports.page({ ...requestOf(sync, options), signal }),
      );
      // Beside the list, so that what reads the list does not read it.
      if (nextPageToken !== null) process.stderr.write(`Older ones: --page-token '${nextPageToken}'\n`);
      if (json) return sayJson(items);
      const headings = ['STARTED', 'SYNC', 'OUTCOME', 'ROWS', 'DELIVERED', 'FAILED', 'TOOK', 'BY', 'RUN'];
      sayTable(headings, items.map(importCells), 'No run yet.');
      const overran = items.filter(({ skippedIntervals }) => skippedIntervals > 0);
      if (overran.length > 0) say();
      for (const record of overran) say(`${record.sync}: ${skippedWords(record)}`);
    });
  command
    .command('show <run>')
    .description('one import')
    .option('--json', 'print JSON')
    .action(async (run: string, { json }: { json?: boolean }) => {
      const record = await withRowcast((rowcast, signal) => rowcast.imports.get(run, signal));
      if (json) sayJson(record);
      else sayImport(record);
    });
}

interface ListOptions {
  readonly limit: number;
  readonly outcome?: Outcome;
  /** Unix seconds. */
  readonly since?: number;
  readonly until?: number;
  readonly pageToken?: string;
  readonly json?: boolean;
}

function requestOf(sync: string | undefined, { limit, since, until, ...rest }: ListOptions): ImportsRequest {
  const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();
  return {
    ...rest,
    limit,
    ...(sync === undefined ? {} : { sync }),
    ...(since === undefined ? {} : { since: iso(since) }),
    ...(until === undefined ? {} : { until: iso(until) }),
  };
}

function importCells(record: ImportRecord): string[] {
  return [
    moment(record.startedAt),
    record.sync,
    record.outcome,
    count(record.rows),
    count(record.delivered),
    count(record.failed),
    span(record.startedAt, record.endedAt),
    record.trigger,
    shortRun(record.run),
  ];
}

/** What became of a run that was cancelled; the exit code is 1 where it has not stopped yet. */
export function sayCancelled(record: ImportRecord): void {
  sayImport(record);
  if (record.outcome !== 'running') return;
  say('  It was told to stop and has not done so yet; see that a worker is running.');
  process.exitCode = 1;
}
