import type { ResolveSecret } from '../secrets/resolve.ts';
import type { SourceConfig } from './config.ts';
import type { Source } from './source.ts';

/** Opens the source that a configuration names, loading only its driver. @throws RowcastError */
export async function openSource(
  config: SourceConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
): Promise<Source> {
  switch (config.kind) {
    case 'postgres':
      return (await import('./postgres/source.ts')).openPostgres(config, secrets, signal);
    case 'mysql':
      return (await import('./mysql/source.ts')).openMysql(config, secrets, signal);
  }
}
