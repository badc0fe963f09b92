import { z } from 'zod';
import { SecretReference } from '../../secrets/reference.ts';

const text = (example: string) =>
  z.string({ error: `must be text, such as "${example}"` }).min(1, `is empty; give one such as "${example}"`);

export const PostgresConfig = z.strictObject({
  kind: z.literal('postgres'),
  // A connection URL may hold a password.
  host: text('db.example.com').regex(/^[^\s/@]+$/, 'must be a host alone, such as "db.example.com"'),
  port: z
    .int('must be a whole number')
    .min(1, 'must be from 1 to 65535')
    .max(65_535, 'must be from 1 to 65535')
    .default(5432),
  database: text('shop'),
  user: text('rowcast'),
  password: SecretReference,
  tls: z
    .enum(['verify', 'require', 'off'], {
      error: 'must be "verify" (check the certificate), "require" (encrypt without checking) or "off"',
    })
    .default('verify'),
});
export type PostgresConfig = z.output<typeof PostgresConfig>;
