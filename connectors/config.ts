import { z } from 'zod';
import { BigqueryConfig } from './bigquery/config.ts';
import { MssqlConfig } from './mssql/config.ts';
import { MysqlConfig } from './mysql/config.ts';
import { PostgresConfig } from './postgres/config.ts';
import { SnowflakeConfig } from './snowflake/config.ts';
import type { Address } from './source.ts';

/** Every source that Rowcast reads. To add one: a folder beside these, a line here, a case below and one in `open.ts`. */
export const SourceConfig = z.discriminatedUnion(
  'kind',
  [PostgresConfig, MysqlConfig, MssqlConfig, SnowflakeConfig, BigqueryConfig],
  {
    error: ({ code }: { code: string }) =>
      code === 'invalid_type'
        ? 'must be a mapping, such as { kind: postgres, host: db.example.com, … }'
        : 'must be a known source: "postgres", "mysql", "mssql", "snowflake" or "bigquery"',
  },
);
export type SourceConfig = z.output<typeof SourceConfig>;

/** Where the server of a database is reached, which may be through a tunnel; null for a service of the web. */
export function sourceAddress(source: SourceConfig): Address | null {
  return 'port' in source ? { host: source.host, port: source.port } : null;
}

/** Where a source is, in words: the host that is shown its secrets, which are sealed for no other. */
export function sourceServer(source: SourceConfig): string {
  switch (source.kind) {
    case 'postgres':
    case 'mysql':
    case 'mssql':
      return `${source.host}:${source.port}`;
    case 'snowflake':
      return source.url ?? source.account;
    case 'bigquery':
      return new URL(source.endpoint).host;
  }
}
