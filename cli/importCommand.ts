import type { Command } from 'commander';
import type { ImportRecord } from '../client/index.ts';
import { addImportErrors } from './importErrors.ts';
import { count, moment, say, sayJson, sayTable, span } from './output.ts';
import { wholeNumber } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

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
  command
    .command('calls <run>')
    .description('the first calls that were delivered, beside their rows, as NDJSON')
    .action((run: string) =>
      withRowcast(async (rowcast, signal) => {
        for await (const call of rowcast.imports.calls(run, signal)) say(JSON.stringify(call));
      }),
    );
}

function addListAndShow(command: Command): void {
  command
    .command('list [sync]')
    .description('imports, newest first')
    .option('--limit <number>', 'how many, 1 to 1000', wholeNumber('--limit', 1, 1_000), 20)
    .option('--json', 'print JSON')
    .action(async (sync: string | undefined, { limit, json }: { limit: number; json?: boolean }) => {
      const { items } = await withRowcast((rowcast, signal) =>
        rowcast.imports.page({ limit, signal, ...(sync === undefined ? {} : { sync }) }),
      );
      if (json) return sayJson(items);
      const headings = ['STARTED', 'SYNC', 'OUTCOME', 'ROWS', 'DELIVERED', 'FAILED', 'TOOK', 'BY', 'RUN'];
      sayTable(headings, items.map(importCells), 'No run yet.');
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

/** A run's name is long; its workflow id is enough to ask for it. */
const shortRun = ({ run }: ImportRecord) => run.split('~')[0] ?? run;

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
    shortRun(record),
  ];
}

/** One import in words. */
export function sayImport(record: ImportRecord): void {
  const { sync, outcome, rows, delivered, failed } = record;
  const took = record.endedAt === null ? 'running' : `took ${span(record.startedAt, record.endedAt)}`;
  say(
    `${sync}: ${outcome}, ${count(rows)} rows read, ${count(delivered)} delivered, ${count(failed)} failed, ${took}`,
  );
  say(`  run      ${record.run}`);
  say(`  window   since ${record.since ?? '-'} until ${record.until ?? '-'} (Unix seconds)`);
  if (record.skippedIntervals > 0)
    say(`  skipped  ${record.skippedIntervals} intervals were due while it ran`);
  for (const warning of record.warnings) say(`  warning  ${warning}`);
  if (record.error !== null) say(`  ${record.errorCode ?? 'error'}: ${record.error}`);
  if ((failed ?? 0) > 0) say(`  see why with: rowcast import errors ${shortRun(record)}`);
}

/** What became of a run that was cancelled; the exit code is 1 where it has not stopped yet. */
export function sayCancelled(record: ImportRecord): void {
  sayImport(record);
  if (record.outcome !== 'running') return;
  say('  It was told to stop and has not done so yet; see that a worker is running.');
  process.exitCode = 1;
}
