import type { Command } from 'commander';
import type { Rowcast, SyncStatus } from '../client/index.ts';
import { showAllProgress } from './progressLine.ts';
import { duration, moment, say, sayJson, sayTable } from './output.ts';
import { rhythmOf } from './syncCommand.ts';
import { withRowcast } from './withRowcast.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('all syncs at a glance: how far behind each is, and what is wrong')
    .option('--watch', 'show how far the runs under way are, until Ctrl-C; with --json a line for each look')
    .option('--json', 'print JSON')
    .action(async ({ watch, json }: { watch?: boolean; json?: boolean }) => {
      if (watch) return withRowcast((rowcast, signal) => watchAll(rowcast, json === true, signal));
      const all = await withRowcast((rowcast, signal) => Array.fromAsync(rowcast.syncs.status(signal)));
      if (json) return sayJson(all);
      sayTable(
        ['SYNC', 'ENABLED', 'RUNS', 'LAST RUN', 'OUTCOME', 'BEHIND', 'NEXT RUN'],
        all.map(statusCells),
        'There is no sync yet; create some with `rowcast apply -f rowcast.yaml`.',
      );
      const warnings = all.flatMap(({ name, warnings: own }) => own.map((warning) => `${name}: ${warning}`));
      if (warnings.length > 0) say();
      for (const warning of warnings) say(warning);
    });
}

async function watchAll(rowcast: Rowcast, json: boolean, signal: AbortSignal): Promise<void> {
  const watched = rowcast.imports.watchAll(signal);
  try {
    if (!json) await showAllProgress(watched);
    for await (const all of watched) say(JSON.stringify(all));
  } catch (error) {
    // Ctrl-C is how it ends.
    if (!signal.aborted) throw error;
  }
}

function statusCells(sync: SyncStatus): string[] {
  return [
    sync.name,
    sync.lost ? 'lost' : sync.enabled === null ? 'no Schedule' : sync.enabled ? 'yes' : 'no',
    rhythmOf(sync),
    moment(sync.lastRunAt),
    sync.lastOutcome ?? '-',
    sync.behindSeconds === null ? '-' : duration(sync.behindSeconds * 1_000),
    moment(sync.nextRunAt),
  ];
}
