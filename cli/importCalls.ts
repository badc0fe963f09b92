import type { Command } from 'commander';
import { Option } from 'commander';
import { say, sayJson } from './output.ts';
import { sayPlacements, sayRow } from './rowsBesideCalls.ts';
import { UsageError } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

interface CallsFlags {
  readonly format?: 'ndjson';
  readonly json?: boolean;
}

/** `rowcast import calls`: what went out first, of which rows, and which column went where. */
export function addImportCalls(command: Command): void {
  command
    .command('calls <run>')
    .description('the first calls that were delivered, beside their rows, and which column went where')
    .addOption(new Option('--format <format>', 'each call with its row, in this format').choices(['ndjson']))
    .option('--json', 'print all of it as JSON')
    .action(async (run: string, { format, json = false }: CallsFlags) => {
      if (format !== undefined && json) {
        throw new UsageError('Give --json for all in one, or --format for a line each call, not both.');
      }
      const { placements, calls } = await withRowcast(async (rowcast, signal) => ({
        placements: await rowcast.imports.placements(run, signal),
        calls: await Array.fromAsync(rowcast.imports.calls(run, signal)),
      }));
      if (json) return sayJson({ placements, calls });
      if (format === 'ndjson') return calls.forEach((call) => say(JSON.stringify(call)));
      if (calls.length === 0) return say('No call was delivered.');
      if (placements.length > 0) sayPlacements(placements);
      for (const { row, data, call, leftOut } of calls) sayRow({ row, data }, call, leftOut);
    });
}
