import type { Command } from 'commander';
import { Option } from 'commander';
import type { ErrorGroup, FailedRow } from '../client/index.ts';
import { BYTE_ORDER_MARK, csvLine } from './csv.ts';
import { count, say, sayJson, sayTable } from './output.ts';
import { shortRun } from './sayImport.ts';
import { UsageError } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

type Format = 'table' | 'ndjson' | 'csv';

/** `rowcast import errors`: what is wrong in groups, or row by row. */
export function addImportErrors(command: Command): void {
  command
    .command('errors <run>')
    .description('what is wrong with the rows that failed, or those rows themselves')
    .addOption(
      new Option('--format <format>', 'each row, in this format').choices(['table', 'ndjson', 'csv']),
    )
    .option('--json', 'print what is wrong as JSON')
    .action(async (run: string, { format, json = false }: { format?: Format; json?: boolean }) => {
      if (format !== undefined && json) {
        throw new UsageError('Give --json for what is wrong, or --format for each row, not both.');
      }
      if (format !== undefined) return sayRows(run, format);
      const groups = await withRowcast((rowcast, signal) => rowcast.imports.errorGroups(run, signal));
      if (json) sayJson(groups);
      else sayGroups(run, groups);
    });
}

/** Of a row. */
const GLANCE_CHARS = 100;

function sayGroups(run: string, groups: readonly ErrorGroup[]): void {
  const rows = groups.map(({ rows: number, code, message, example }) => [
    count(number),
    code,
    message,
    `row ${example.row}: ${glanceAt(example.data)}`,
  ]);
  sayTable(['ROWS', 'CODE', 'WHAT IS WRONG', 'SUCH AS'], rows, 'No row failed.', {
    fit: ['whole', 'whole', 'wrap', 'cut'],
  });
  if (groups.length > 0) say(`\nEach row: rowcast import errors ${shortRun(run)} --format csv`);
}

/** The beginning of a row: a long one would leave no room for what is wrong with it. */
function glanceAt(data: FailedRow['data']): string {
  const text = JSON.stringify(data);
  return text.length <= GLANCE_CHARS ? text : `${text.slice(0, GLANCE_CHARS)}…`;
}

async function sayRows(run: string, format: Format): Promise<void> {
  await withRowcast(async (rowcast, signal) => {
    const errors = () => rowcast.imports.errors(run, signal);
    if (format === 'table') return sayErrorTable(errors());
    if (format === 'csv') return sayCsv(errors);
    for await (const error of errors()) say(JSON.stringify(error));
  });
}

const TABLE_ROWS_MAX = 50;

async function sayErrorTable(errors: AsyncIterable<FailedRow>): Promise<void> {
  const rows: string[][] = [];
  let total = 0;
  for await (const { row, code, message, data } of errors) {
    total += 1;
    if (rows.length < TABLE_ROWS_MAX) rows.push([String(row), code, message, glanceAt(data)]);
  }
  sayTable(['ROW', 'CODE', 'WHAT IS WRONG', 'DATA'], rows, 'No row failed.', {
    fit: ['whole', 'whole', 'wrap', 'cut'],
  });
  if (total > rows.length)
    say(`… and ${count(total - rows.length)} more; see all with --format ndjson or csv.`);
}

/** A column for each column of the rows. They are read twice, since a row may lack what others have. */
async function sayCsv(errors: () => AsyncIterable<FailedRow>): Promise<void> {
  const columns = new Set<string>();
  for await (const { data } of errors()) for (const name of Object.keys(data)) columns.add(name);
  const names = [...columns];
  const heading = csvLine(['row', 'code', 'message', ...names.map((name) => `data.${name}`), 'call']);
  say(`${BYTE_ORDER_MARK}${heading}`);
  for await (const { row, code, message, data, call } of errors()) {
    say(csvLine([String(row), code, message, ...names.map((name) => cell(data[name])), cell(call)]));
  }
}

/** Text as it is, nothing for NULL, and the rest as JSON. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
