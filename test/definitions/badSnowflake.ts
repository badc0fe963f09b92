import { integration } from './badFiles.ts';
import type { Case } from './badFiles.ts';

const SNOWFLAKE = {
  kind: 'snowflake',
  account: 'myorg-shop',
  user: 'ROWCAST',
  warehouse: 'WH',
  database: 'SHOP',
};
const snowflake = (fields: object) => integration({ source: { ...SNOWFLAKE, ...fields } });

/** What is wrong with an account of Snowflake's. */
export const SNOWFLAKES: readonly Case[] = [
  [
    'a Snowflake account without a key or a password',
    snowflake({}),
    'integrations.shop.source.privateKey: is missing; needs either `privateKey` or `password`, each the name of a secret',
  ],
  [
    'a Snowflake account with a key and a password',
    snowflake({ privateKey: { secret: 'key' }, password: { secret: 'password' } }),
    'integrations.shop.source.privateKey: needs either `privateKey` or `password`, each the name of a secret',
  ],
  [
    'a passphrase that opens no key',
    snowflake({ password: { secret: 'password' }, passphrase: { secret: 'phrase' } }),
    'integrations.shop.source.passphrase: opens a `privateKey`, and there is none',
  ],
  [
    'an account that is a URL',
    snowflake({ password: { secret: 'password' }, account: 'https://myorg-shop.snowflakecomputing.com' }),
    'integrations.shop.source.account: must be an account identifier alone, such as "myorg-shop" or "xy12345.eu-central-1" (it is "https://myorg-shop.snowflakecomputing.com")',
  ],
  [
    'a password that would cross the network in clear',
    snowflake({ password: { secret: 'password' }, url: 'http://snowflake.example.com' }),
    'integrations.shop.source.url: must be an HTTPS URL without path, user or password, such as "https://xy12345.eu-central-1.privatelink.snowflakecomputing.com" (it is "http://snowflake.example.com")',
  ],
];
