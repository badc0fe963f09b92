import type { Command } from 'commander';
import type { ApplyAnswer, IntegrationDefinition, KeyAnswer } from '../client/index.ts';
import { ACCEPT_ABOUT, ACCEPT_FLAG, acceptHostKeys } from './acceptHostKey.ts';
import { moment, printable, say, sayJson } from './output.ts';
import { UsageError } from './usage.ts';
import { withRowcast } from './withRowcast.ts';

interface KeyOptions {
  readonly rotate?: boolean;
  readonly discard?: boolean;
  readonly json?: boolean;
}

interface SaveFlags {
  readonly acceptHostKey?: boolean;
  readonly json?: boolean;
}

/** `rowcast integration key` and `rowcast integration save`. */
export function addKeyAndSave(integration: Command): void {
  integration
    .command('key <name>')
    .description('the key of its SSH tunnel, made where there is none')
    .option('--rotate', 'make a new one, which is not used until it is saved')
    .option('--discard', 'take the new one back')
    .option('--json', 'print JSON')
    .action(async (name: string, { rotate = false, discard = false, json }: KeyOptions) => {
      if (rotate && discard) throw new UsageError('Give --rotate or --discard, not both.');
      const action = rotate ? 'rotate' : discard ? 'discard' : 'show';
      const { answer, definition } = await withRowcast(async ({ integrations }, signal) => ({
        answer: await integrations.key(name, action, signal),
        definition: (await integrations.find(name, signal))?.definition ?? null,
      }));
      if (json) sayJson(answer);
      else if (discard) sayDiscarded(name, answer);
      else sayKey(name, answer, definition);
    });
  integration
    .command('save <name>')
    .description('use the new key of its SSH tunnel from now on, once the database was reached with it')
    .option(ACCEPT_FLAG, ACCEPT_ABOUT)
    .option('--json', 'print JSON')
    .action(async (name: string, { acceptHostKey: isAccepted, json }: SaveFlags) => {
      const acceptHostKey = acceptHostKeys(isAccepted);
      const saved = await withRowcast(({ integrations }, signal) =>
        integrations.save(name, { acceptHostKey, signal }),
      );
      if (json) sayJson(saved);
      else saySaved(name, saved);
    });
}

function saySaved(name: string, { changed }: ApplyAnswer): void {
  if (changed.length === 0) return say(`${name} has no new key; nothing was changed.`);
  if (changed.includes('tunnel.key'))
    say(`${name} is saved: the database was reached with the new key, and runs use it from now on.`);
  else say(`${name} is saved: the database was reached, and its SSH server is known from now on.`);
}

/** The key itself on stdout, for a pipe; what to do with it on stderr. */
function sayKey(name: string, answer: KeyAnswer, definition: IntegrationDefinition | null): void {
  const key = answer.pending ?? answer.active;
  if (key === null) return;
  say(key.publicKey);
  const source = definition?.source;
  const target =
    source !== undefined && 'port' in source ? `${source.host}:${source.port}` : 'DATABASE_HOST:PORT';
  const user = definition?.tunnel?.user ?? 'of the tunnel';
  const lines = [
    '',
    answer.pending === null
      ? `This is the key in use, of ${moment(key.createdAt)}: ${key.fingerprint}`
      : `This key is new and not in use yet, of ${moment(key.createdAt)}: ${key.fingerprint}`,
    ...(answer.pending !== null && answer.active !== null
      ? [`Runs go on with the key of ${moment(answer.active.createdAt)}: ${answer.active.fingerprint}`]
      : []),
    '',
    `On the SSH server, add this line to ~/.ssh/authorized_keys of the user ${user}; it allows nothing but forwarding to the database:`,
    '',
    `restrict,port-forwarding,permitopen="${target}" ${key.publicKey}`,
    ...(answer.pending === null
      ? []
      : ['', `Then save it with \`rowcast integration save ${name}\`, or with \`rowcast apply\`.`]),
  ];
  process.stderr.write(`${printable(lines.join('\n'))}\n`);
}

function sayDiscarded(name: string, { change }: KeyAnswer): void {
  say(change === 'discarded' ? `The new key of ${name} is discarded.` : `${name} has no new key.`);
}
