import { z } from 'zod';
import { SecretReference } from '../secrets/reference.ts';

/** A field that may not be empty. */
export const text = (example: string) =>
  z.string({ error: `must be text, such as "${example}"` }).min(1, `is empty; give one such as "${example}"`);

/** What every database server has that is reached over the network with user and password. */
export function serverFields(port: number) {
  return {
    // A connection URL may hold a password.
    host: text('db.example.com').regex(/^[^\s/@]+$/, 'must be a host alone, such as "db.example.com"'),
    port: z
      .int('must be a whole number')
      .min(1, 'must be from 1 to 65535')
      .max(65_535, 'must be from 1 to 65535')
      .default(port),
    database: text('shop'),
    user: text('rowcast'),
    password: SecretReference,
    tls: z
      .enum(['verify', 'require', 'off'], {
        error: 'must be "verify" (check the certificate), "require" (encrypt without checking) or "off"',
      })
      .default('verify'),
  };
}
