import { Option } from 'commander';
import type { Command } from 'commander';
import type { ApplyAnswer, Rowcast, SyncInput } from '../client/index.ts';
import { confirm } from './confirm.ts';
import { sayCancelled } from './importCommand.ts';
import { moment, say, sayJson } from './output.ts';
import { readText } from './readText.ts';
import { unixSeconds, UsageError } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

/** What an operator does to a sync over its years. */
export function addSyncChanges(sync: Command): void {
  addEnableAndDisable(sync);
  addUpdate(sync);
  addReset(sync);
  addDelete(sync);
}

function addEnableAndDisable(sync: Command): void {
  sync
    .command('enable <name>')
    .description('run it again; the next interval sends all that changed since the last sync')
    .action(async (name: string) => {
      await withRowcast((rowcast, signal) => rowcast.syncs.enable(name, signal));
      say(`${name} is enabled. Its next interval sends all that changed since the last sync.`);
    });
  sync
    .command('disable <name>')
    .description('run it no more; a run under way goes on to its end')
    .option('--now', 'cancel a run under way')
    .action(async (name: string, { now = false }: { now?: boolean }) => {
      const run = await withRowcast((rowcast, signal) => rowcast.syncs.disable(name, { now, signal }));
      const goesOn = run !== null && !now ? ` The run under way goes on to its end: ${run.run}` : '';
      say(`${name} is disabled.${goesOn}`);
      if (run !== null && now) sayCancelled(run);
    });
}

interface UpdateFlags {
  readonly title?: string;
  readonly description?: string;
  readonly every?: string;
  readonly cron?: string;
  readonly timezone?: string;
  readonly query?: string;
  readonly queryFile?: string;
  readonly lookback?: string;
  readonly giveUpAfter?: string;
}

function addUpdate(sync: Command): void {
  sync
    .command('update <name>')
    .description(
      'change some of its fields; the next `apply` of a file that names it puts back what stands there',
    )
    .option('--title <text>', 'its title')
    .option('--description <text>', 'its description')
    .addOption(new Option('--every <duration>', 'how often it runs, such as "15 minutes"').conflicts('cron'))
    .option('--cron <fields>', 'when it runs, such as "0 6 * * *"')
    .option('--timezone <zone>', 'the time zone of its cron')
    .addOption(new Option('--query <sql>', 'its query').conflicts('queryFile'))
    .option('--query-file <file>', 'its query, from a file')
    .option('--lookback <duration>', 'taken off last_sync_time, such as "5 minutes"')
    .option('--give-up-after <duration>', 'how long a run waits for its destination')
    .action(async (name: string, flags: UpdateFlags) => {
      const changes = await changesOf(flags);
      const answer = await withRowcast((rowcast, signal) => update(rowcast, name, changes, signal));
      sayUpdated(name, answer);
    });
}

type Changes = Partial<SyncInput>;

/** @throws UsageError where no flag says what to change. */
async function changesOf({ queryFile, ...fields }: UpdateFlags): Promise<Changes> {
  const changes = queryFile === undefined ? fields : { ...fields, query: await readText(queryFile) };
  if (Object.keys(changes).length > 0) return changes;
  throw new UsageError('Say what to change, as in `rowcast sync update people --every "5 minutes"`.');
}

/** Changes what is there now, and nothing that somebody else has changed meanwhile. */
async function update(
  rowcast: Rowcast,
  name: string,
  changes: Changes,
  signal: AbortSignal,
): Promise<ApplyAnswer> {
  const { definition, revision } = await rowcast.syncs.get(name, signal);
  const { every, cron, timezone, ...others } = definition;
  const cronFields = {
    ...(cron === undefined ? {} : { cron }),
    ...(timezone === undefined ? {} : { timezone }),
  };
  const everyField = every === undefined ? {} : { every };
  const timing =
    changes.every !== undefined
      ? {}
      : changes.cron !== undefined
        ? cronFields
        : { ...everyField, ...cronFields };
  return rowcast.syncs.update({ ...others, ...timing, ...changes }, { ifRevision: revision, signal });
}

function sayUpdated(name: string, { change, changed, revision, notices }: ApplyAnswer): void {
  say(
    change === 'unchanged'
      ? `${name} is so already.`
      : `${name}: changed ${changed.join(', ')}; it is at revision ${revision}.`,
  );
  for (const notice of notices) say(`  ${notice}`);
}

function addReset(sync: Command): void {
  sync
    .command('reset <name>')
    .description('set its last_sync_time; without --to the next run sends everything again')
    .option('--to <time>', 'what it becomes: Unix seconds or ISO 8601', unixSeconds('--to'), 0)
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(async (name: string, { to, yes, json }: { to: number; yes?: boolean; json?: boolean }) => {
      const what = to === 0 ? 'everything' : `all that changed since ${wordsOf(to)}`;
      await confirm(`The next run of ${name} will send ${what}, under new messageIds. Go on?`, yes);
      const answer = await withRowcast((rowcast, signal) => rowcast.syncs.reset(name, { to, signal }));
      if (json) return sayJson(answer);
      say(
        `${name}: last_sync_time was ${wordsOf(answer.before)} and is ${wordsOf(answer.lastSyncTime)} now.`,
      );
      say(`  The next run sends ${what}, under new messageIds.`);
      if (answer.running !== null)
        say(`  The run under way goes on and does not undo this: ${answer.running.run}`);
      if (to > answer.before) say('  What changed between the two and was not sent yet is not sent.');
    });
}

function addDelete(sync: Command): void {
  sync
    .command('delete <name>')
    .description('stop its run, and delete it with its imports; the name can be used again, from 0')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      await confirm(`Delete the sync ${name}, its last_sync_time and its imports?`, yes);
      const { notices } = await withRowcast((rowcast, signal) => rowcast.syncs.delete(name, signal));
      say(`${name} is deleted.`);
      for (const notice of notices) say(`  ${notice}`);
    });
}

/** @param seconds whole Unix seconds. */
function wordsOf(seconds: number): string {
  return seconds === 0 ? '0' : `${seconds} (${moment(new Date(seconds * 1_000).toISOString())})`;
}
