import type { Command } from 'commander';
import type { PreviewResult, Rowcast, RowcastFile, SyncDefinition } from '../client/index.ts';
import { RowcastError } from '../errors.ts';
import { readRowcastFile } from './applyCommand.ts';
import { count, say, sayJson } from './output.ts';
import { sayPlacements, sayRow } from './rowsBesideCalls.ts';
import { unixSeconds, UsageError, wholeNumber } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

interface PreviewFlags {
  readonly file?: string;
  readonly since?: number;
  readonly limit: number;
  readonly json?: boolean;
}

interface SyncPreview extends PreviewResult {
  readonly sync: string;
}

export function addPreview(sync: Command): void {
  sync
    .command('preview [name]')
    .description('the first rows beside the calls they would become; nothing is sent')
    .option('-f, --file <file>', 'preview the syncs of this file, or its sync NAME; it need not be applied')
    .option(
      '--since <time>',
      'the value for {{last_sync_time}}: Unix seconds or ISO 8601',
      unixSeconds('--since'),
    )
    .option('--limit <rows>', 'how many rows, 1 to 100', wholeNumber('--limit', 1, 100), 10)
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, { file: path, json, ...options }: PreviewFlags) => {
      if (name === undefined && path === undefined)
        throw new UsageError('Name a sync, or a file with -f, as in `rowcast sync preview people`.');
      const file = path === undefined ? null : await readRowcastFile(path);
      const chosen = file === null ? null : chosenOf(file, path ?? '', name);
      const previews = await withRowcast((rowcast, signal) =>
        file === null || chosen === null
          ? savedPreview(rowcast, name ?? '', { ...options, signal })
          : unsavedPreviews(rowcast, file, chosen, { ...options, signal }),
      );
      // One object for one name, a list for a file, however many syncs it holds.
      if (json) sayJson(name === undefined ? previews : previews[0]);
      else for (const preview of previews) sayPreview(preview);
    });
}

interface Options {
  readonly since?: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

async function savedPreview(rowcast: Rowcast, sync: string, options: Options): Promise<SyncPreview[]> {
  return [{ sync, ...(await rowcast.preview(sync, options)) }];
}

function chosenOf(file: RowcastFile, path: string, name: string | undefined): SyncDefinition[] {
  const all = file.syncs.map(({ definition }) => definition);
  const chosen = all.filter((definition) => name === undefined || definition.name === name);
  if (chosen.length > 0) return chosen;
  const holds = all.length === 0 ? 'none' : all.map((definition) => definition.name).join(', ');
  throw new RowcastError('not_found', `${path} has no sync ${name ?? 'to preview'}; it holds ${holds}.`);
}

/** What the file does not define is taken as it is saved. */
async function unsavedPreviews(
  rowcast: Rowcast,
  file: RowcastFile,
  syncs: readonly SyncDefinition[],
  options: Options,
): Promise<SyncPreview[]> {
  const previews: SyncPreview[] = [];
  for (const sync of syncs) {
    const integration =
      file.integrations.find((other) => other.name === sync.integration) ??
      (await rowcast.integrations.get(sync.integration, options.signal)).definition;
    const destination =
      file.destinations.find((other) => other.name === integration.destination) ??
      (await rowcast.destinations.get(integration.destination, options.signal)).definition;
    const preview = await rowcast
      .preview({ sync, integration, destination }, options)
      .catch((error: unknown) => {
        if (!(error instanceof RowcastError) || syncs.length === 1) throw error;
        throw new RowcastError(error.code, `${sync.name}: ${error.message}`, { cause: error });
      });
    previews.push({ sync: sync.name, ...preview });
  }
  return previews;
}

function sayPreview({ sync, type, since, placements, rows, warnings }: SyncPreview): void {
  const found = rows.length === 1 ? '1 row' : `${rows.length === 0 ? 'no' : count(rows.length)} rows`;
  say(`${sync}: ${found} as ${type} calls, with last_sync_time ${since}. Nothing was sent.`);
  if (rows.length === 0 && since > 0)
    say('  The query returns nothing since then; see what it returns from the start with `--since 0`.');
  for (const warning of warnings) say(`  Warning: ${warning}`);
  say();
  sayPlacements(placements);
  for (const row of rows) {
    if ('call' in row) {
      sayRow(row, row.call, row.leftOut);
      continue;
    }
    say();
    say(`row ${row.row}`);
    say(`  data  ${JSON.stringify(row.data)}`);
    say(`  PROBLEM ${row.code}: ${row.message}`);
  }
}
