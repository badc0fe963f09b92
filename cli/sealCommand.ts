import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { bindingInFile, newIdentity, RowcastError, seal } from '../client/index.ts';
import { messageOf } from '../errors.ts';
import { printable, say } from './output.ts';
import { readSecret } from './readSecret.ts';
import { readText } from './readText.ts';
import { UsageError } from './usage.ts';

export function addIdentity(program: Command): void {
  const command = program.command('identity').description('what opens sealed secrets: only workers have it');
  command
    .command('new <file>')
    .description('write a new identity to a file for workers, and print its recipient for those who seal')
    .action(async (file: string) => {
      const path = resolve(file);
      const { file: text, recipient } = await newIdentity();
      await writeNew(path, text);
      explain(
        `The identity is in ${path}; give it to workers alone, as ROWCAST_IDENTITY=${path}, and keep a copy: without it nothing that is sealed can be opened.`,
        'Its recipient, for everybody who seals (ROWCAST_RECIPIENT), is:',
      );
      say(recipient);
    });
}

export function addSeal(program: Command): void {
  program
    .command('seal <place>')
    .description(
      'seal a secret for a place of a rowcast.yaml, such as integrations.shop.source.password: a line that is typed unseen, or stdin',
    )
    .option('-f, --file <file>', 'the rowcast.yaml that has the place', 'rowcast.yaml')
    .option('--recipient <recipient>', 'the age1… to seal for; ROWCAST_RECIPIENT by default')
    .action(async (place: string, { file, recipient: given }: { file: string; recipient?: string }) => {
      const recipient = given ?? process.env['ROWCAST_RECIPIENT']?.trim() ?? '';
      if (recipient === '') {
        throw new UsageError(
          'There is no recipient to seal for; give --recipient age1…, or set ROWCAST_RECIPIENT to what `rowcast identity new` printed.',
        );
      }
      const binding = bindingInFile(place, { path: file, text: await readText(file) });
      const value = await readSecret(`The secret for ${place}, which is not shown:`);
      const sealed = await seal(value, binding, recipient);
      const { kind, name, place: at } = binding;
      explain(
        `Sealed for the ${kind} ${name}${at === null ? '' : ` at ${at}`}; nowhere else can it be opened.`,
      );
      say(sealed);
    });
}

/** @throws RowcastError definition_invalid where there is one already, or none can be. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const [reason = ''] = messageOf(error).split(',');
    throw new RowcastError(
      'definition_invalid',
      exists
        ? `The file ${path} exists, and may hold an identity that opens what was sealed; name another file.`
        : `The file ${path} cannot be written: ${reason}; name another one.`,
    );
  }
}

/** What a person reads, while the output holds only what a script takes. */
function explain(...lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${printable(line)}\n`);
}
