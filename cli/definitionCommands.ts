import type { Command } from 'commander';
import { stringify } from 'yaml';
import { placeOfSource } from '../client/index.ts';
import type {
  ConnectionTest,
  DefinitionDescription,
  Definitions,
  DestinationDefinition,
  IntegrationDefinition,
  Rowcast,
  WebhookDefinition,
} from '../client/index.ts';
import { ACCEPT_ABOUT, ACCEPT_FLAG, acceptHostKeys, testIntegration } from './acceptHostKey.ts';
import { confirm } from './confirm.ts';
import { addKeyAndSave } from './keyCommand.ts';
import { say, sayJson, sayTable } from './output.ts';
import { withRowcast } from './withRowcast.ts';

/** What the commands of integrations and of destinations differ in. */
interface Kind<Definition extends { readonly name: string }> {
  readonly word: 'integration' | 'destination' | 'webhook';
  /** What its test does, in words. */
  readonly testAbout: string;
  readonly about: string;
  readonly of: (rowcast: Rowcast) => Definitions<never, Definition>;
  readonly headings: readonly string[];
  readonly cells: (definition: Definition) => string[];
  /** Adds what else its test takes. */
  readonly addToTest: (command: Command) => Command;
  readonly test: (
    rowcast: Rowcast,
    name: string,
    flags: TestFlags,
    signal: AbortSignal,
  ) => Promise<ConnectionTest>;
}

interface TestFlags {
  readonly acceptHostKey?: boolean;
  readonly json?: boolean;
}

export function addIntegration(program: Command): void {
  const command = addCommands<IntegrationDefinition>(program, {
    word: 'integration',
    about: 'sources, and where their rows go',
    testAbout: TRIED_OUT,
    of: ({ integrations }) => integrations,
    headings: ['INTEGRATION', 'SOURCE', 'HOST', 'DATABASE', 'DESTINATION'],
    cells: ({ name, source, destination }) => {
      const { server, database } = placeOfSource(source);
      return [name, source.kind, server, database, destination];
    },
    addToTest: (command) => command.option(ACCEPT_FLAG, ACCEPT_ABOUT),
    test: (rowcast, name, { acceptHostKey: isAccepted }, signal) =>
      testIntegration(rowcast, name, acceptHostKeys(isAccepted), signal),
  });
  addKeyAndSave(command);
}

export function addDestination(program: Command): void {
  addCommands<DestinationDefinition>(program, {
    word: 'destination',
    about: 'endpoints that calls are sent to',
    testAbout: TRIED_OUT,
    of: ({ destinations }) => destinations,
    headings: ['DESTINATION', 'KIND', 'ENDPOINT'],
    cells: ({ name, kind, url, ...rest }) => [
      name,
      kind,
      url ?? ('region' in rest ? `region ${rest.region}` : '-'),
    ],
    addToTest: (command) => command,
    test: ({ destinations }, name, _flags, signal) => destinations.test(name, signal),
  });
}

export function addWebhook(program: Command): void {
  addCommands<WebhookDefinition>(program, {
    word: 'webhook',
    about: 'who is told when the state of a sync changes',
    testAbout: 'tell it of a test, as the workers do',
    of: ({ webhooks }) => webhooks,
    headings: ['WEBHOOK', 'EVENTS', 'OF'],
    cells: ({ name, events, integrations = [], syncs = [] }) => {
      const of = [...integrations.map((integration) => `all of ${integration}`), ...syncs];
      return [name, events?.join(', ') ?? 'all', of.length === 0 ? 'all syncs' : of.join(', ')];
    },
    addToTest: (command) => command,
    test: ({ webhooks }, name, _flags, signal) => webhooks.test(name, signal),
  });
}

/** Said of sources and destinations. */
const TRIED_OUT = 'try it out as the workers see it; no row is read, no call is sent';

function addCommands<Definition extends { readonly name: string }>(
  program: Command,
  kind: Kind<Definition>,
): Command {
  const command = program.command(kind.word).description(kind.about);
  addListAndShow(command, kind);
  addTestAndDelete(command, kind);
  return command;
}

function addListAndShow<Definition extends { readonly name: string }>(
  command: Command,
  { word, of, headings, cells }: Kind<Definition>,
): void {
  command
    .command('list')
    .description(`all ${word}s`)
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await withRowcast((rowcast, signal) => Array.fromAsync(of(rowcast).list(signal)));
      const sorted = found.sort((left, right) => (left.definition.name < right.definition.name ? -1 : 1));
      if (json) return sayJson(sorted);
      const empty = `There is no ${word} yet; create some with \`rowcast apply -f rowcast.yaml\`.`;
      sayTable(
        headings,
        sorted.map(({ definition }) => cells(definition)),
        empty,
      );
    });
  command
    .command('show <name>')
    .description(`one ${word}, as its part of a rowcast.yaml`)
    .option('--json', 'print JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const found = await withRowcast((rowcast, signal) => of(rowcast).get(name, signal));
      if (json) sayJson(found);
      else say(yamlOf(`${word}s`, found).trimEnd());
    });
}

function yamlOf<Definition extends { readonly name: string }>(
  section: string,
  { definition, revision }: DefinitionDescription<Definition>,
): string {
  const { name, ...fields } = definition;
  return `# revision ${revision}\n${stringify({ version: 1, [section]: { [name]: fields } }, { lineWidth: 0 })}`;
}

function addTestAndDelete<Definition extends { readonly name: string }>(
  command: Command,
  { word, testAbout, of, addToTest, test }: Kind<Definition>,
): void {
  addToTest(command.command('test <name>'))
    .description(testAbout)
    .option('--json', 'print JSON')
    .action(async (name: string, flags: TestFlags) => {
      const result = await withRowcast((rowcast, signal) => test(rowcast, name, flags, signal));
      if (flags.json) sayJson(result);
      else sayTest(name, result);
      if (!result.ok) process.exitCode = 1;
    });
  command
    .command('delete <name>')
    .description('delete it, unless it is in use')
    .option('--yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      await confirm(`Delete the ${word} ${name}?`, yes);
      await withRowcast((rowcast, signal) => of(rowcast).delete(name, signal));
      say(`${name} is deleted.`);
    });
}

function sayTest(name: string, { ok, steps }: ConnectionTest): void {
  for (const { step, ok: worked, words } of steps) {
    say(`${worked ? 'ok    ' : 'FAILED'} ${step}${words === '' ? '' : `: ${words}`}`);
  }
  say(ok ? `${name} works.` : `${name} does not work.`);
}
