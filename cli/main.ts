import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { RowcastError } from '../errors.ts';
import { addApply } from './applyCommand.ts';
import { addDestination, addIntegration, addWebhook } from './definitionCommands.ts';
import { addWorkerAndDev } from './devCommand.ts';
import { addImport } from './importCommand.ts';
import { printable } from './output.ts';
import { addIdentity, addSeal } from './sealCommand.ts';
import { addSetup } from './setupCommand.ts';
import { addStatus } from './statusCommand.ts';
import { addSync } from './syncCommand.ts';
import { UsageError } from './usage.ts';
import { Interrupted } from './withRowcast.ts';

/* Exit codes: 0; 1 for a failure that was reported; 2 for wrong usage. */

const program = new Command('rowcast')
  .description('Reverse ETL on Temporal: the rows of a query become calls.')
  .version(versionOf(), '--version', 'print the version')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });
addApply(program);
addStatus(program);
addSync(program);
addImport(program);
addIntegration(program);
addDestination(program);
addWebhook(program);
addIdentity(program);
addSeal(program);
addSetup(program);
addWorkerAndDev(program);
inheritExit(program);

// `rowcast … | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function versionOf(): string {
  const about = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(about) as { version: string }).version;
}

function inheritExit(command: Command): void {
  for (const child of command.commands) inheritExit(child.exitOverride());
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (error instanceof RowcastError || error instanceof Interrupted) {
    process.stderr.write(`${printable(error.message)}\n`);
    return 1;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`This is a bug in Rowcast; please report it with what you did:\n${stack ?? ''}\n`);
  return 1;
}
