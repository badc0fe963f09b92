/* Files with one thing wrong in each, and what their writer reads. */

export const json = (fields: object) => JSON.stringify(fields);
export const fileOf = (section: string, fields: object) =>
  `version: 1\n${section}: { shop: ${json(fields)} }`;

const DESTINATION = { kind: 'http', url: 'https://example.com/v1', writeKey: { secret: 'key' } };
const SOURCE = {
  kind: 'postgres',
  host: 'db.internal',
  database: 'shop',
  user: 'rowcast',
  password: { secret: 'shop-password' },
};
const INTEGRATION = { source: SOURCE, destination: 'cio' };
export const SYNC = { integration: 'shop', type: 'identify', every: '15 minutes', query: 'SELECT 1' };

const destination = (fields: object) => fileOf('destinations', { ...DESTINATION, ...fields });
export const integration = (fields: object) => fileOf('integrations', { ...INTEGRATION, ...fields });
const source = (fields: object) => integration({ source: { ...SOURCE, ...fields } });
export const sync = (fields: object) => fileOf('syncs', { ...SYNC, ...fields });

export const NAME = 'must be a name of 1 to 40 characters of a-z, 0-9 and "-"';
const SECRET_NAME =
  'must name a secret of the worker with 1 to 60 characters of a-z, 0-9 and "-", such as "shop-password"';
export const LITERAL =
  'must name a secret of the worker, as in `{ secret: shop-password }`, or be a value that `rowcast seal` has made; a literal secret is refused, because definitions are readable in Temporal';
export const MAPPING = 'must be a mapping of fields to values';
const URL_WORDS = 'must be an http or https URL ending in "/v1", such as "https://cdp.customer.io/v1"';

const HOST_KEY = `SHA256:${'A'.repeat(43)}`;
const BROKEN_SEAL =
  'begins like a sealed value and is none, or not a whole one; make it with `rowcast seal`, and copy all of its one line';
const HEADER_VALUE =
  'must be text of 1 to 4000 printable ASCII characters, a secret of the worker as in `{ secret: shop-api-key }`, or a value that `rowcast seal` has made';

/** A file with one thing wrong, and the only line that says so. */
export type Case = readonly [what: string, text: string, line: string];

export const WHOLE: readonly Case[] = [
  ['no version', '{}', 'version: is missing; it must be 1: write `version: 1` as the first line'],
  ['another version', 'version: 2', 'version: must be 1: write `version: 1` as the first line (it is 2)'],
  ['text instead of fields', 'people', `the whole: ${MAPPING} (it is "people")`],
  ['a list instead of fields', '[]', `the whole: ${MAPPING} (it is a list)`],
  ['a misspelt section', 'version: 1\nsync: {}', 'sync: is not a known field; did you mean "syncs"?'],
  [
    'an unknown section',
    'version: 1\nwarehouse: {}',
    'warehouse: is not a known field; correct its spelling, or remove it',
  ],
  [
    'a section that is null',
    'version: 1\nsyncs:',
    'syncs: must be a mapping of names to their fields (it is null)',
  ],
  ['an entry that is null', 'version: 1\nsyncs:\n  people:', `syncs.people: ${MAPPING} (it is null)`],
  [
    'a name in free text',
    `version: 1\nsyncs: { My People: ${json(SYNC)} }`,
    'syncs.My People: a name is 1 to 40 characters of a-z, 0-9 and "-"; free text goes into `title`',
  ],
  [
    'a name among the fields',
    sync({ name: 'people' }),
    'syncs.shop.name: is not a known field; the name is "shop", free text is `title`',
  ],
  [
    'a key twice',
    'version: 1\nversion: 1',
    'is not valid YAML: Map keys must be unique at line 2, column 1; correct it there',
  ],
];

export const DESTINATIONS: readonly Case[] = [
  [
    'no kind',
    fileOf('destinations', {}),
    'destinations.shop.kind: is missing; it must be "customerio", "segment", "rudderstack" or "http"',
  ],
  [
    'an unknown kind',
    destination({ kind: 'custmerio' }),
    'destinations.shop.kind: must be "customerio", "segment", "rudderstack" or "http" (it is "custmerio")',
  ],
  [
    'no write key',
    destination({ writeKey: undefined }),
    `destinations.shop.writeKey: is missing; it ${LITERAL}`,
  ],
  [
    'a write key that is null',
    destination({ writeKey: null }),
    `destinations.shop.writeKey: ${LITERAL} (it is null)`,
  ],
  ['a literal write key', destination({ writeKey: 'hunter2' }), `destinations.shop.writeKey: ${LITERAL}`],
  [
    'a sealed write key of which a part was copied',
    destination({ writeKey: 'sealed:YWdlLWVuY3J5cHRpb24' }),
    `destinations.shop.writeKey: ${BROKEN_SEAL}`,
  ],
  [
    'a sealed write key over two lines',
    destination({ writeKey: `sealed:${'A'.repeat(120)} ${'A'.repeat(120)}` }),
    `destinations.shop.writeKey: ${BROKEN_SEAL}`,
  ],
  [
    'a sealed value as the name of a secret',
    destination({ writeKey: { secret: `sealed:${'A'.repeat(120)}` } }),
    `destinations.shop.writeKey.secret: ${SECRET_NAME}`,
  ],
  [
    'a secret that is null',
    destination({ writeKey: { secret: null } }),
    `destinations.shop.writeKey.secret: ${SECRET_NAME} (it is null)`,
  ],
  [
    'a literal secret as a secret',
    destination({ writeKey: { secret: 'Hunter2!' } }),
    `destinations.shop.writeKey.secret: ${SECRET_NAME}`,
  ],
  [
    'a secret that is no text',
    destination({ writeKey: { secret: 5 } }),
    `destinations.shop.writeKey.secret: ${SECRET_NAME}`,
  ],
  [
    'a secret without its name',
    destination({ writeKey: {} }),
    `destinations.shop.writeKey.secret: is missing; it ${SECRET_NAME}`,
  ],
  [
    'a literal secret as a key',
    destination({ writeKey: { secret: 'key', hunter2: null } }),
    `destinations.shop.writeKey: ${LITERAL}`,
  ],
  ['no URL', destination({ url: undefined }), `destinations.shop.url: is missing; it ${URL_WORDS}`],
  [
    'a URL that is none',
    destination({ url: 'example' }),
    `destinations.shop.url: ${URL_WORDS} (it is "example")`,
  ],
  ['a URL that is a number', destination({ url: 5 }), `destinations.shop.url: ${URL_WORDS} (it is 5)`],
  [
    'a URL with a password',
    destination({ url: 'https://me:hunter2@example.com/v1' }),
    'destinations.shop.url: must not hold a user or password; give the key as `writeKey` (it is "https://…@example.com/v1")',
  ],
  [
    'a URL that ends elsewhere',
    destination({ url: 'https://example.com/v2' }),
    'destinations.shop.url: must end in "/v1"; the batch endpoint is found below it (it is "https://example.com/v2")',
  ],
  [
    'a size of no bytes',
    destination({ callBytesMax: 0 }),
    'destinations.shop.callBytesMax: must be at least 1 bytes (it is 0)',
  ],
  [
    'a rate in words',
    destination({ requestsPerSecond: 'fast' }),
    'destinations.shop.requestsPerSecond: must be a whole number of requests (it is "fast")',
  ],
  [
    'a misspelt field',
    destination({ titel: 'Shop' }),
    'destinations.shop.titel: is not a known field; did you mean "title"?',
  ],
  [
    'an unknown region',
    destination({ kind: 'customerio', region: 'moon' }),
    'destinations.shop.region: must be "us" or "eu" (it is "moon")',
  ],
  [
    'an unknown region of Segment',
    destination({ kind: 'segment', region: 'moon' }),
    'destinations.shop.region: must be "us" or "eu" (it is "moon")',
  ],
  [
    'a RudderStack without its URL',
    destination({ kind: 'rudderstack', url: undefined }),
    `destinations.shop.url: is missing; it ${URL_WORDS}`,
  ],
  [
    'headers of a vendor',
    destination({ kind: 'segment', headers: {} }),
    'destinations.shop.headers: is not a known field; correct its spelling, or remove it',
  ],
  [
    'headers that are a list',
    destination({ headers: ['X-Api-Key: hunter2'] }),
    'destinations.shop.headers: must be a mapping of names to values, such as { X-Api-Key: { secret: shop-api-key } }',
  ],
  [
    'a header whose name is none',
    destination({ headers: { 'X Api Key': 'hunter2' } }),
    'destinations.shop.headers.X Api Key: is not the name of an HTTP header; give one such as "X-Api-Key"',
  ],
  [
    'an authorization beside the write key',
    destination({ headers: { Authorization: 'Bearer hunter2' } }),
    'destinations.shop.headers.Authorization: is what `writeKey` is sent as (Basic); remove it',
  ],
  [
    'a header that would have answers compressed',
    destination({ headers: { 'Accept-Encoding': 'gzip' } }),
    'destinations.shop.headers.Accept-Encoding: is set by Rowcast itself; remove it',
  ],
  [
    'a header twice',
    destination({ headers: { 'X-Env': 'a', 'x-env': 'b' } }),
    'destinations.shop.headers.x-env: stands twice, in another letter case; keep one of them',
  ],
  [
    'a header with a line break',
    destination({ headers: { 'X-Env': 'hunter2\r\nHost: evil' } }),
    `destinations.shop.headers.X-Env: ${HEADER_VALUE}`,
  ],
  [
    'a header that is a number',
    destination({ headers: { 'X-Env': 5 } }),
    `destinations.shop.headers.X-Env: ${HEADER_VALUE}`,
  ],
  [
    'a sealed header of which a part was copied',
    destination({ headers: { 'X-Env': 'sealed:YWdlLWVuY3J5cHRpb24' } }),
    `destinations.shop.headers.X-Env: ${BROKEN_SEAL}`,
  ],
  [
    'a header whose secret is a literal',
    destination({ headers: { 'X-Env': { secret: 'Hunter2!' } } }),
    `destinations.shop.headers.X-Env.secret: ${SECRET_NAME}`,
  ],
];

export const INTEGRATIONS: readonly Case[] = [
  [
    'no source',
    integration({ source: undefined }),
    'integrations.shop.source: is missing; it must be a mapping, such as { kind: postgres, host: db.example.com, … }',
  ],
  [
    'a source that is text',
    integration({ source: 'postgres' }),
    'integrations.shop.source: must be a mapping, such as { kind: postgres, host: db.example.com, … } (it is "postgres")',
  ],
  [
    'an unknown source',
    source({ kind: 'oracle' }),
    'integrations.shop.source.kind: must be a known source: "postgres", "mysql", "mssql", "snowflake" or "bigquery" (it is "oracle")',
  ],
  [
    'no destination',
    integration({ destination: undefined }),
    `integrations.shop.destination: is missing; it ${NAME}`,
  ],
  [
    'a destination that is null',
    integration({ destination: null }),
    `integrations.shop.destination: ${NAME} (it is null)`,
  ],
  [
    'a title that is empty',
    integration({ title: ' ' }),
    'integrations.shop.title: is empty; leave it out instead (it is " ")',
  ],
  [
    'an unknown time zone',
    integration({ timezone: 'Berlin' }),
    'integrations.shop.timezone: "Berlin" is not a time zone; give an IANA name such as "UTC" or "Europe/Berlin"',
  ],
  [
    'a time zone that is null',
    integration({ timezone: null }),
    'integrations.shop.timezone: must be an IANA time zone, such as "Europe/Berlin" (it is null)',
  ],
  [
    'a host that is missing',
    source({ host: undefined }),
    'integrations.shop.source.host: is missing; it must be text, such as "db.example.com"',
  ],
  [
    'a host that is a URL with a password',
    source({ host: 'postgres://me:hunter2@db/shop' }),
    'integrations.shop.source.host: must be a host alone, such as "db.example.com" (it is "postgres://…@db/shop")',
  ],
  [
    'a port in quotes',
    source({ port: '5432' }),
    'integrations.shop.source.port: must be a whole number (it is "5432")',
  ],
  [
    'a port that is too high',
    source({ port: 65536 }),
    'integrations.shop.source.port: must be from 1 to 65535 (it is 65536)',
  ],
  [
    'a database that is null',
    source({ database: null }),
    'integrations.shop.source.database: must be text, such as "shop" (it is null)',
  ],
  ['a literal password', source({ password: 'hunter2' }), `integrations.shop.source.password: ${LITERAL}`],
  [
    'a misspelt password',
    source({ pasword: 'hunter2' }),
    'integrations.shop.source.pasword: is not a known field; did you mean "password"?',
  ],
  [
    'an unknown kind of TLS',
    source({ tls: true }),
    'integrations.shop.source.tls: must be "verify" (check the certificate), "require" (encrypt without checking) or "off" (it is true)',
  ],
  [
    'a tunnel with a user in its host',
    integration({ tunnel: { host: 'me@bastion', user: 'rowcast', hostKey: HOST_KEY } }),
    'integrations.shop.tunnel.host: must be a host alone, such as "bastion.example.com"; port and user have fields of their own (it is "me@bastion")',
  ],
  [
    'a tunnel with the MD5 of a host key',
    integration({ tunnel: { host: 'bastion', user: 'rowcast', hostKey: 'MD5:00:11' } }),
    'integrations.shop.tunnel.hostKey: must be the fingerprint of the SSH server\'s host key, such as "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" (it is "MD5:00:11")',
  ],
  [
    'a tunnel to a service of the web',
    integration({
      source: {
        kind: 'snowflake',
        account: 'a',
        user: 'u',
        password: { secret: 's' },
        warehouse: 'w',
        database: 'd',
      },
      tunnel: { host: 'bastion', user: 'rowcast', hostKey: HOST_KEY },
    }),
    'integrations.shop.tunnel: is for database servers; this source is reached over HTTPS without one, so remove it (it is a mapping)',
  ],
];
