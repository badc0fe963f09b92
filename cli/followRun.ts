import type { Command } from 'commander';
import type { ImportRecord, Outcome, Rowcast, StartedRun } from '../client/index.ts';
import { say, sayJson } from './output.ts';
import { showProgress } from './progressLine.ts';
import { sayImport } from './sayImport.ts';

/** How somebody follows a run that they start. */
export interface FollowFlags {
  readonly watch?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
  readonly strict?: boolean;
}

export function addFollowOptions(command: Command): Command {
  return command
    .option('--watch', 'show how far it is, and wait for its end')
    .option('--wait', 'wait for its end; exit code 1 unless it succeeded')
    .option('--strict', 'with --wait or --watch: exit code 1 for failed rows as well')
    .option('--json', 'print JSON');
}

/** Says that a run was started, and follows it to its end where that is asked for; sets the exit code by it. */
export async function followRun(
  rowcast: Rowcast,
  { started, run }: StartedRun,
  flags: FollowFlags,
  signal: AbortSignal,
): Promise<void> {
  const waits = flags.wait === true || flags.watch === true;
  if (!flags.json)
    say(started ? `Started ${run}` : `A run is under way already, so none was started: ${run}`);
  if (flags.json && !waits) sayJson({ run, started });
  if (!waits) return;
  if (flags.watch && !flags.json) await showProgress(rowcast.imports.watch(run, signal));
  const ended: ImportRecord = await rowcast.imports.wait(run, signal);
  if (flags.json) sayJson(ended);
  else sayImport(ended);
  if (!isGood(ended.outcome, flags.strict === true)) process.exitCode = 1;
}

/** Whether a run ended well enough for exit code 0. */
export function isGood(outcome: Outcome, strict: boolean): boolean {
  return outcome === 'succeeded' || (outcome === 'succeeded_with_errors' && !strict);
}
