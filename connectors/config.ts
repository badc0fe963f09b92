import { z } from 'zod';
import { MysqlConfig } from './mysql/config.ts';
import { PostgresConfig } from './postgres/config.ts';

/** Every source that Rowcast reads. To add one: a folder beside these, a line here, a case in `open.ts`. */
export const SourceConfig = z.discriminatedUnion('kind', [PostgresConfig, MysqlConfig], {
  error: ({ code }: { code: string }) =>
    code === 'invalid_type'
      ? 'must be a mapping, such as { kind: postgres, host: db.example.com, … }'
      : 'must be a known source: "postgres" or "mysql"',
});
export type SourceConfig = z.output<typeof SourceConfig>;
