import type { SourceConfig } from '../connectors/config.ts';
import { sourceAddress } from '../connectors/config.ts';
import { withPages } from '../connectors/reading.ts';
import type { Source } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import type { AttemptSpan, Attributes, PartSpan } from './traces.ts';

/** How the semantic conventions of OpenTelemetry call the sources. */
const SYSTEMS: Readonly<Record<SourceConfig['kind'], string>> = {
  postgres: 'postgresql',
  mysql: 'mysql',
  mssql: 'microsoft.sql_server',
  snowflake: 'snowflake',
  bigquery: 'gcp.bigquery',
};

/** Opens a source with spans for its connection and its queries, which hold neither a statement nor a row. */
export async function tracedSource(
  span: AttemptSpan | undefined,
  config: SourceConfig,
  open: () => Promise<Source>,
): Promise<Source> {
  if (span === undefined) return open();
  const attributes = attributesOf(config);
  const source = await within(span.begin('connect', attributes), open);
  let unread: PartSpan | null = null;
  return {
    clock: () => source.clock(),
    async close() {
      // Columns that cannot become calls are refused before a page is taken.
      unread?.end(null);
      await source.close();
    },
    async query(request) {
      const part = span.begin('query', attributes);
      const result = await source.query(request).catch((error: unknown) => {
        part.end(codeOf(error));
        throw error;
      });
      unread = part;
      const read = () => (unread = null);
      return withPages(result, (pages) => tracedPages(pages, part, read));
    },
  };
}

function attributesOf(config: SourceConfig): Attributes {
  const { host, port } = sourceAddress(config) ?? {};
  const namespace = 'database' in config ? config.database : undefined;
  return {
    'db.system.name': SYSTEMS[config.kind],
    'db.namespace': namespace,
    'server.address': host,
    'server.port': port,
  };
}

async function within<Result>(part: PartSpan, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    part.end(null);
    return result;
  } catch (error) {
    part.end(codeOf(error));
    throw error;
  }
}

/** The query is over when its last page was taken, or nobody takes any more. */
async function* tracedPages<Page extends { readonly length: number }>(
  pages: AsyncIterable<Page>,
  part: PartSpan,
  onRead: () => void,
): AsyncGenerator<Page> {
  onRead();
  let rows = 0;
  let code: string | null = null;
  try {
    for await (const page of pages) {
      rows += page.length;
      yield page;
    }
  } catch (error) {
    code = codeOf(error);
    throw error;
  } finally {
    part.end(code, { 'db.response.returned_rows': rows });
  }
}

function codeOf(error: unknown): string {
  return error instanceof RowcastError ? error.code : error instanceof Error ? error.name : typeof error;
}
