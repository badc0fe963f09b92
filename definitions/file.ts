import { z } from 'zod';
import { parseDocument } from 'yaml';
import { RowcastError } from '../errors.ts';
import { DestinationDefinition } from './destination.ts';
import { IntegrationDefinition } from './integration.ts';
import { problemsOf } from './problems.ts';
import { SyncDefinition } from './sync.ts';

/** What a `rowcast.yaml` says. */
export interface RowcastFile {
  readonly destinations: readonly DestinationDefinition[];
  readonly integrations: readonly IntegrationDefinition[];
  readonly syncs: readonly FileSync[];
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

const Section = z.record(z.string(), z.record(z.string(), z.unknown())).default({});
const Whole = z.strictObject({
  version: z.literal(1, { error: 'must be 1: write `version: 1` as the first line' }),
  destinations: Section,
  integrations: Section,
  syncs: Section,
});

/**
 * Reads a `rowcast.yaml`.
 *
 * @throws RowcastError definition_invalid that lists every problem, a line each.
 */
export async function parseRowcastFile(text: string, reading: FileReading): Promise<RowcastFile> {
  const document = parseDocument(text, { prettyErrors: true });
  const [syntax] = document.errors;
  if (syntax !== undefined) throw invalid(reading.path, [`is not valid YAML: ${syntax.message.trim()}`]);
  const input: unknown = document.toJS() ?? {};
  const whole = Whole.safeParse(input);
  if (!whole.success) throw invalid(reading.path, problemsOf(whole.error, input));

  const problems: string[] = [];
  const destinations = readSection('destinations', whole.data.destinations, DestinationDefinition, problems);
  const integrations = readSection('integrations', whole.data.integrations, IntegrationDefinition, problems);
  const syncs = await readSyncs(whole.data.syncs, reading, problems);
  if (problems.length > 0) throw invalid(reading.path, problems);
  return { destinations, integrations, syncs };
}

type Entries = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function readSection<Schema extends z.ZodType>(
  section: string,
  entries: Entries,
  schema: Schema,
  problems: string[],
): z.output<Schema>[] {
  return Object.entries(entries).flatMap(([name, fields]) => {
    const input = { ...fields, name };
    const parsed = schema.safeParse(input);
    if (parsed.success) return [parsed.data];
    problems.push(...problemsOf(parsed.error, input, [section, name]));
    return [];
  });
}

const Enabled = z.boolean({ error: 'must be true or false' }).optional();

async function readSyncs(entries: Entries, reading: FileReading, problems: string[]): Promise<FileSync[]> {
  const syncs: FileSync[] = [];
  for (const [name, { enabled: given, query: written, ...fields }] of Object.entries(entries)) {
    const enabled = Enabled.safeParse(given);
    if (!enabled.success) problems.push(`syncs.${name}.enabled: must be true or false`);
    const query = await readQuery(name, written, reading, problems);
    const input = { ...fields, name, query };
    const parsed = SyncDefinition.safeParse(input);
    // A file that cannot be read is reported already.
    const isRead = written === undefined || query !== undefined;
    if (!parsed.success) {
      problems.push(
        ...problemsOf(parsed.error, input, ['syncs', name]).filter(
          (line) => isRead || !line.includes('.query:'),
        ),
      );
    } else if (enabled.success) {
      syncs.push({
        definition: parsed.data,
        ...(enabled.data === undefined ? {} : { enabled: enabled.data }),
      });
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
  problems: string[],
): Promise<unknown> {
  const file = QueryFile.safeParse(written);
  if (!file.success) return written;
  try {
    return await reading.readFile(file.data.file);
  } catch {
    problems.push(
      `syncs.${name}.query.file: ${JSON.stringify(file.data.file)} cannot be read; it is looked for beside ${reading.path}`,
    );
    return undefined;
  }
}

function invalid(path: string, problems: readonly string[]): RowcastError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new RowcastError(
    'definition_invalid',
    `${path} has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}
