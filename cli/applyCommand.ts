import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { parseRowcastFile } from '../client/index.ts';
import type { AppliedDefinition, RowcastFile } from '../client/index.ts';
import { ACCEPT_ABOUT, ACCEPT_FLAG, acceptHostKeys } from './acceptHostKey.ts';
import { say, sayJson } from './output.ts';
import { readText } from './readText.ts';
import { withRowcast } from './withRowcast.ts';

interface ApplyFlags {
  readonly file: string;
  readonly dryRun?: boolean;
  readonly test: boolean;
  readonly acceptHostKey?: boolean;
  readonly json?: boolean;
}

export function addApply(program: Command): void {
  program
    .command('apply')
    .description('create and change what a file names; nothing is deleted')
    .requiredOption('-f, --file <file>', 'a rowcast.yaml')
    .option('--dry-run', 'only say what would be done')
    .option('--no-test', 'save integrations without trying out whether they work')
    .option(ACCEPT_FLAG, ACCEPT_ABOUT)
    .option('--json', 'print JSON')
    .action(async ({ file, dryRun = false, test, acceptHostKey: isAccepted, json }: ApplyFlags) => {
      const read = await readRowcastFile(file);
      const applied = await withRowcast((rowcast, signal) =>
        rowcast.apply(read, { dryRun, test, acceptHostKey: acceptHostKeys(isAccepted), signal }),
      );
      if (json) sayJson(applied);
      else for (const one of applied) describe(one, dryRun);
    });
}

/** Reads and checks a file, with the queries that it names. @throws RowcastError definition_invalid */
export async function readRowcastFile(path: string): Promise<RowcastFile> {
  const text = await readText(path);
  return parseRowcastFile(text, { path, readFile: (name) => readFile(resolve(dirname(path), name), 'utf8') });
}

function describe(
  { kind, name, change, changed, tested, notices }: AppliedDefinition,
  dryRun: boolean,
): void {
  const done = tested && change !== 'unchanged' ? `tested, ${change}` : change;
  const verb = dryRun && change !== 'unchanged' ? `would be ${change}` : done;
  const fields = changed.length === 0 ? '' : ` (${changed.join(', ')})`;
  say(`${kind} ${name} ${verb}${fields}`);
  for (const notice of notices) say(`  ${notice}`);
}
