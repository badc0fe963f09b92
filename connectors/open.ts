import type { ResolveSecret } from '../secrets/resolve.ts';
import type { SourceConfig } from './config.ts';
import type { Source } from './source.ts';

/** Opens the source that a configuration names, loading only its driver. @throws RowcastError */
export async function openSource(
  config: SourceConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
): Promise<Source> {
  const { openPostgres } = await import('./postgres/source.ts');
  return openPostgres(config, secrets, signal);
}
