import { z } from 'zod';
import { PostgresConfig } from './postgres/config.ts';

/** Every source that Rowcast reads. To add one: a folder beside these, a line here, a case in `open.ts`. */
export const SourceConfig = z.discriminatedUnion('kind', [PostgresConfig], {
  error: 'must name a known source: "postgres"',
});
export type SourceConfig = z.output<typeof SourceConfig>;
