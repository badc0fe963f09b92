import type { Command } from 'commander';
import type { SyncStatus } from '../client/index.ts';
import { duration, moment, say, sayJson, sayTable } from './output.ts';
import { rhythmOf } from './syncCommand.ts';
import { withRowcast } from './withRowcast.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('all syncs at a glance: how far behind each is, and what is wrong')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
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
