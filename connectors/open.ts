import type { ResolveSecret } from '../secrets/resolve.ts';
import type { SourceConfig } from './config.ts';
import type { Address, Source } from './source.ts';

/**
 * Opens the source that a configuration names, loading only its driver.
 *
 * @param at where its server is reached; certificates and messages go by its own name all the same.
 * @throws RowcastError
 */
export async function openSource(
  config: SourceConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
  at?: Address,
): Promise<Source> {
  switch (config.kind) {
    case 'postgres':
      return (await import('./postgres/source.ts')).openPostgres(config, secrets, signal, at);
    case 'mysql':
      return (await import('./mysql/source.ts')).openMysql(config, secrets, signal, at);
    case 'mssql':
      return (await import('./mssql/source.ts')).openMssql(config, secrets, signal, at);
    case 'snowflake':
      return (await import('./snowflake/source.ts')).openSnowflake(config, secrets, signal);
    case 'bigquery':
      return (await import('./bigquery/source.ts')).openBigquery(config, secrets, signal);
  }
}
