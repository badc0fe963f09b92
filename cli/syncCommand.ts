import { Option } from 'commander';
import type { Command } from 'commander';
import { addSyncChanges } from './syncChangeCommand.ts';
import { stringify } from 'yaml';
import { withoutDefaults } from '../client/index.ts';
import type { SyncDescription, SyncListing } from '../client/index.ts';
import { addFollowOptions, followRun } from './followRun.ts';
import type { FollowFlags } from './followRun.ts';
import { moment, say, sayJson, sayTable } from './output.ts';
import { addPreview } from './previewCommand.ts';
import { withRowcast } from './withRowcast.ts';

export function addSync(program: Command): void {
  const sync = program.command('sync').description('look at syncs, try them, run them');
  addListAndShow(sync);
  addPreview(sync);
  addRun(sync);
  addSyncChanges(sync);
}

function addListAndShow(sync: Command): void {
  sync
    .command('list')
    .description('all syncs')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const syncs = await withRowcast((rowcast, signal) => Array.fromAsync(rowcast.syncs.list(signal)));
      if (json) return sayJson(syncs);
      const headings = ['SYNC', 'TYPE', 'INTEGRATION', 'ENABLED', 'RUNS', 'LAST RUN', 'OUTCOME', 'NEXT RUN'];
      sayTable(
        headings,
        syncs.map(listingCells),
        'There is no sync yet; create some with `rowcast apply -f rowcast.yaml`.',
      );
      const lost = syncs.filter((listed) => listed.lost).map(({ name }) => name);
      if (lost.length > 0) sayLost(lost);
    });
  sync
    .command('show <name>')
    .description('one sync, whole')
    .addOption(new Option('--yaml', 'print its part of a rowcast.yaml').conflicts('json'))
    .option('--json', 'print JSON')
    .action(async (name: string, { yaml, json }: { yaml?: boolean; json?: boolean }) => {
      const { description, listing } = await withRowcast(async (rowcast, signal) => ({
        description: await rowcast.syncs.get(name, signal),
        listing: await rowcast.syncs.listing(name, signal),
      }));
      if (json) sayJson({ ...listing, revision: description.revision, definition: description.definition });
      else if (yaml) say(yamlOf(description, listing).trimEnd());
      else sayShown(description, listing);
    });
}

function sayLost(names: readonly string[]): void {
  say();
  say(`Lost: ${names.join(', ')}. The workflow was terminated elsewhere, and only the Schedule is left.`);
  say('`rowcast apply` brings such a sync back with its last_sync_time, and so does its next run.');
}

function listingCells(sync: SyncListing): string[] {
  const enabled = sync.enabled === null ? 'no Schedule' : sync.enabled ? 'yes' : 'no';
  return [
    sync.name,
    sync.type ?? '-',
    sync.integration ?? '-',
    sync.lost ? 'lost' : enabled,
    rhythmOf(sync),
    moment(sync.lastRunAt),
    sync.lastOutcome ?? '-',
    moment(sync.nextRunAt),
  ];
}

/** How often a sync runs, in words. */
export function rhythmOf({ every, cron }: SyncListing): string {
  return every === null ? (cron ?? '-') : `every ${every}`;
}

function sayShown(
  { definition, revision, lastSyncTime, storage, running }: SyncDescription,
  listing: SyncListing,
): void {
  const enabled =
    listing.enabled === null
      ? 'its Schedule was deleted elsewhere; `rowcast apply` creates it'
      : listing.enabled
        ? 'yes'
        : 'no';
  const fields: [string, string][] = [
    ['sync', definition.name],
    ['title', definition.title ?? '-'],
    ['description', definition.description ?? '-'],
    ['type', definition.type],
    ['integration', definition.integration],
    ['enabled', enabled],
    ['runs', rhythmOf(listing)],
    ['next run', moment(listing.nextRunAt)],
    ['last run', `${moment(listing.lastRunAt)} ${listing.lastOutcome ?? ''}`],
    ['running', running?.run ?? 'no'],
    [
      'last_sync_time',
      lastSyncTime === 0
        ? '0 (everything is sent)'
        : `${lastSyncTime} (${moment(new Date(lastSyncTime * 1_000).toISOString())})`,
    ],
    ['storage', `${storage.location} (${storage.id})`],
    ['revision', String(revision)],
  ];
  for (const [name, value] of fields) say(`${name.padEnd(15)} ${value}`);
  say('query');
  say(definition.query.trimEnd().replace(/^/gm, '  '));
}

/** What `rowcast apply` takes again, and finds unchanged. */
function yamlOf({ definition }: SyncDescription, { enabled }: SyncListing): string {
  const { name, ...fields } = withoutDefaults(definition);
  const paused = enabled === false ? { enabled: false } : {};
  return stringify({ version: 1, syncs: { [name]: { ...fields, ...paused } } }, { lineWidth: 0 });
}

function addRun(sync: Command): void {
  const run = sync.command('run <name>').description('run it now, unless a run is under way');
  addFollowOptions(run).action((name: string, flags: FollowFlags) =>
    withRowcast(async (rowcast, signal) =>
      followRun(rowcast, await rowcast.syncs.run(name, signal), flags, signal),
    ),
  );
}
