import { z } from 'zod';
import { SecretReference } from '../../secrets/reference.ts';
import { text } from '../serverFields.ts';

/** Plain HTTP would show the password to the network; on this machine, it is for those who test. */
const URL_WORDS =
  'must be an HTTPS URL without path, user or password, such as "https://xy12345.eu-central-1.privatelink.snowflakecomputing.com"';

/** Snowflake: an account in place of a host, and a key or a password to sign in with. */
export const SnowflakeConfig = z
  .strictObject({
    kind: z.literal('snowflake'),
    account: text('myorg-shop').regex(
      /^\w+([.-]\w+)*$/,
      'must be an account identifier alone, such as "myorg-shop" or "xy12345.eu-central-1"',
    ),
    /** Where the account is reached, where that does not follow from its identifier. */
    url: z
      .string(URL_WORDS)
      .regex(/^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost)(?=[:/]|$))[^\s/@?#]*$/, URL_WORDS)
      .optional(),
    user: text('ROWCAST'),
    privateKey: SecretReference.optional(),
    passphrase: SecretReference.optional(),
    password: SecretReference.optional(),
    warehouse: text('ROWCAST_WH'),
    role: text('ROWCAST_READER').optional(),
    database: text('SHOP'),
    schema: text('PUBLIC').default('PUBLIC'),
  })
  .refine(({ privateKey, password }) => (privateKey === undefined) !== (password === undefined), {
    error: 'needs either `privateKey` or `password`, each the name of a secret',
    path: ['privateKey'],
  })
  .refine(({ privateKey, passphrase }) => passphrase === undefined || privateKey !== undefined, {
    error: 'opens a `privateKey`, and there is none',
    path: ['passphrase'],
  });
export type SnowflakeConfig = z.output<typeof SnowflakeConfig>;
