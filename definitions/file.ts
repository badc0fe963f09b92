import { z } from 'zod';
import { parseDocument } from 'yaml';
import { RowcastError } from '../errors.ts';
import { DestinationDefinition } from './destination.ts';
import { IntegrationDefinition } from './integration.ts';
import { Name } from './name.ts';
import { check } from './problems.ts';
import type { CheckPlace } from './problems.ts';
import { SyncDefinition } from './sync.ts';
import { WEBHOOK_SECRET_FIELDS, WebhookDefinition } from './webhook.ts';

/** What a `rowcast.yaml` says. */
export interface RowcastFile {
  readonly destinations: readonly DestinationDefinition[];
  readonly integrations: readonly IntegrationDefinition[];
  readonly syncs: readonly FileSync[];
  readonly webhooks?: readonly WebhookDefinition[];
}

export interface FileSync {
  readonly definition: SyncDefinition;
  /** Absent: a new sync starts enabled, an existing one stays as it is. */
  readonly enabled?: boolean;
}

export interface FileReading {
  /** The file's name, for messages. */
  readonly path: string;
  /** Reads a file that the text names, relative to it. */
  readonly readFile: (name: string) => Promise<string>;
}

const Section = z
  .record(z.string(), z.record(z.string(), z.unknown(), 'must be a mapping of fields to values'))
  .default({});
const Whole = z.strictObject({
  version: z.literal(1, { error: 'must be 1: write `version: 1` as the first line' }),
  destinations: Section,
  integrations: Section,
  syncs: Section,
  webhooks: Section,
});

/**
 * Reads a `rowcast.yaml`.
 *
 * @throws RowcastError definition_invalid that lists every problem, a line each.
 */
export async function parseRowcastFile(text: string, reading: FileReading): Promise<RowcastFile> {
  const sections = readSections({ text, path: reading.path });
  const problems: string[] = [];
  const destinations = readSection('destinations', sections.destinations, DestinationDefinition, problems);
  const integrations = readSection('integrations', sections.integrations, IntegrationDefinition, problems);
  const syncs = await readSyncs(sections.syncs, reading, problems);
  const webhooks = readSection('webhooks', sections.webhooks, WebhookDefinition, problems, {
    secretFields: WEBHOOK_SECRET_FIELDS,
  });
  if (problems.length > 0) throw invalidFile(reading.path, problems);
  return { destinations, integrations, syncs, webhooks };
}

/** The entries of a file by their names, unchecked. @throws RowcastError definition_invalid for what is no such file. */
export function readSections({ text, path }: { text: string; path: string }): z.output<typeof Whole> {
  const whole = check(Whole, readYaml(text, path));
  if (!whole.ok) throw invalidFile(path, whole.problems);
  return whole.value;
}

/** Nothing of the text itself is quoted: it may hold what somebody took for a secret's place. */
function readYaml(text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    const [words = ''] = syntax.message.split(/:?\n/);
    throw invalidFile(path, [
      `is not valid YAML: ${words.replace(/: ".*"(?= at line)/, '')}; correct it there`,
    ]);
  }
  try {
    return document.toJS() ?? {};
  } catch {
    throw invalidFile(path, [
      'is not valid YAML: it holds an alias (`*name`) without its anchor, or too many; put a text that begins with `*` in quotes',
    ]);
  }
}

type Entries = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** In a file a name is the key of its fields, not one of them. */
function nameProblems(section: string, name: string, fields: Readonly<Record<string, unknown>>): string[] {
  const place = `${section}.${name}`;
  const own = Name.safeParse(name).success
    ? []
    : [`${place}: a name is 1 to 40 characters of a-z, 0-9 and "-"; free text goes into \`title\``];
  if (!('name' in fields)) return own;
  return [
    ...own,
    `${place}.name: is not a known field; the name is ${JSON.stringify(name)}, free text is \`title\``,
  ];
}

function readSection<Schema extends z.ZodType>(
  section: string,
  entries: Entries,
  schema: Schema,
  problems: string[],
  place: CheckPlace = {},
): z.output<Schema>[] {
  return Object.entries(entries).flatMap(([name, fields]) => {
    const unnamed = nameProblems(section, name, fields);
    problems.push(...unnamed);
    const input = { ...fields, name: unnamed.length === 0 ? name : SOME_NAME };
    const read = check(schema, input, { ...place, prefix: [section, name], notSuggested: ['name'] });
    if (read.ok) return [read.value];
    problems.push(...read.problems);
    return [];
  });
}

/** Stands in for a name that was reported already, so that it is not reported again. */
const SOME_NAME = 'name';

const Enabled = z.boolean({ error: 'must be true or false' }).optional();

async function readSyncs(entries: Entries, reading: FileReading, problems: string[]): Promise<FileSync[]> {
  const syncs: FileSync[] = [];
  for (const [name, { enabled: given, query: written, ...fields }] of Object.entries(entries)) {
    const unnamed = nameProblems('syncs', name, fields);
    const enabled = check(Enabled, given, { prefix: ['syncs', name, 'enabled'] });
    const query = await readQuery(name, written, reading);
    const input = { ...fields, name: unnamed.length === 0 ? name : SOME_NAME, query: query.text };
    const place = { prefix: ['syncs', name], alsoKnown: ['enabled'], notSuggested: ['name'] };
    const read = check(SyncDefinition, input, place);
    problems.push(...unnamed, ...(enabled.ok ? [] : enabled.problems), ...query.problems);
    if (!read.ok) problems.push(...read.problems);
    else if (enabled.ok) {
      const { value: isEnabled } = enabled;
      syncs.push({ definition: read.value, ...(isEnabled === undefined ? {} : { enabled: isEnabled }) });
    }
  }
  return syncs;
}

const QueryFile = z.strictObject({ file: z.string().min(1) });

/** A query in the file itself, or in one beside it: `query: { file: people.sql }`. */
async function readQuery(
  name: string,
  written: unknown,
  reading: FileReading,
): Promise<{ text: unknown; problems: string[] }> {
  const file = QueryFile.safeParse(written);
  if (!file.success) return { text: written, problems: [] };
  try {
    return { text: await reading.readFile(file.data.file), problems: [] };
  } catch {
    const problem = `syncs.${name}.query.file: ${JSON.stringify(file.data.file)} cannot be read; it is looked for beside ${reading.path}`;
    // The query that it stands for is not to be reported as missing too.
    return { text: SOME_QUERY, problems: [problem] };
  }
}

const SOME_QUERY = 'SELECT 1';

/** What is wrong with a file, a line for each problem. */
export function invalidFile(path: string, problems: readonly string[]): RowcastError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new RowcastError(
    'definition_invalid',
    `${path} has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}
