import type { Command } from 'commander';
import { addFollowOptions, followRun } from './followRun.ts';
import type { FollowFlags } from './followRun.ts';
import { withRowcast } from './withRowcast.ts';

interface RetryFlags extends FollowFlags {
  readonly code?: string;
}

/** `rowcast import retry`: the failed rows of a run once more. */
export function addImportRetry(command: Command): void {
  const retry = command
    .command('retry <run>')
    .description('send the failed rows of a run again, by a run of its own; last_sync_time stays')
    .option('--code <code>', 'only those with this fault, such as refused_by_destination');
  addFollowOptions(retry).action((run: string, { code, ...flags }: RetryFlags) =>
    withRowcast(async (rowcast, signal) => {
      const started = await rowcast.imports.retry(run, { ...(code === undefined ? {} : { code }), signal });
      await followRun(rowcast, started, flags, signal);
    }),
  );
}
