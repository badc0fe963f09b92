import { sourceServer } from '../connectors/config.ts';
import type { SourceConfig } from '../connectors/config.ts';
import { secretWords } from '../secrets/reference.ts';

/** Where a source is and who signs in there, in words for people. */
export interface SourcePlace {
  readonly server: string;
  readonly database: string;
  readonly user: string;
}

export function placeOfSource(source: SourceConfig): SourcePlace {
  const server = sourceServer(source);
  switch (source.kind) {
    case 'postgres':
    case 'mysql':
    case 'mssql':
    case 'snowflake':
      return { server, database: source.database, user: source.user };
    case 'bigquery': {
      const { project, dataset, key } = source;
      const database = dataset === undefined ? project : `${project}.${dataset}`;
      const user = key === undefined ? 'application default credentials' : `the key of ${secretWords(key)}`;
      return { server, database, user };
    }
  }
}
