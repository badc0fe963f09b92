import { expect, test } from 'vitest';
import { bindingInFile } from '../../definitions/sealing.ts';

const FILE = `
version: 1
destinations:
  cio: { kind: customerio, region: eu, writeKey: }
  own: { kind: http, url: https://example.com/api/v1/, writeKey: { secret: own-key } }
  broken: { kind: http, url: example.com, writeKey: { secret: own-key } }
webhooks:
  oncall: { url: , signingSecret: , syncs: [people] }
integrations:
  shop: { source: { kind: postgres, host: db.internal, database: shop, user: rowcast }, destination: cio }
  odd: { source: [postgres], destination: cio }
syncs:
  people: { query: }
`;

const bindingOf = (place: string, text = FILE) => bindingInFile(place, { path: 'rowcast.yaml', text });

test('a password is sealed for its host and port, though the field is not yet there', () => {
  expect(bindingOf('integrations.shop.source.password')).toEqual({
    ...{ kind: 'integration', name: 'shop', field: 'source.password', place: 'db.internal:5432' },
  });
});

test('a password of a source behind a tunnel is sealed for its SSH server, too', () => {
  const hostKey = `SHA256:${'A'.repeat(43)}`;
  const tunnel = `tunnel: { host: bastion.example.com, user: rowcast, port: 2222, hostKey: "${hostKey}" }`;
  const text = FILE.replace('shop: {', `shop: { ${tunnel},`);
  expect(bindingOf('integrations.shop.source.password', text).place).toBe(
    'db.internal:5432 through bastion.example.com:2222',
  );
});

test('a write key is sealed for the URL of its destination, or the endpoint of its region', () => {
  expect(bindingOf('destinations.cio.writeKey')).toEqual({
    ...{ kind: 'destination', name: 'cio', field: 'writeKey', place: 'https://cdp-eu.customer.io/v1' },
  });
  expect(bindingOf('destinations.own.writeKey').place).toBe('https://example.com/api/v1');
});

test('a header is sealed under its name, dots in it too', () => {
  for (const header of ['X-Api-Key', 'x.api.key', '__proto__']) {
    const { field, place } = bindingOf(`destinations.own.headers.${header}`);
    expect({ field, place }).toEqual({ field: `headers.${header}`, place: 'https://example.com/api/v1' });
  }
});

test('the URL of a webhook is sealed though its key is missing, and its key though its URL is', () => {
  for (const field of ['url', 'signingSecret']) {
    expect(bindingOf(`webhooks.oncall.${field}`)).toEqual({
      kind: 'webhook',
      name: 'oncall',
      field,
      place: null,
    });
  }
});

const EXAMPLES =
  '`integrations.shop.source.password`, `destinations.cio.writeKey` or `destinations.cio.headers.X-Api-Key`';
const lineOf = (problem: string) => `rowcast.yaml has a problem:\n  ${problem}`;

test.each([
  ['password', `"password" is no place of a secret; give one such as ${EXAMPLES}.`],
  ['syncs.people.query', `"syncs.people.query" is no place of a secret; give one such as ${EXAMPLES}.`],
  [
    'integrations.shop.source.host',
    `integrations.shop.source.host holds no secret; give the place of one, such as ${EXAMPLES}.`,
  ],
  [
    'integrations.shop.destination',
    `integrations.shop.destination holds no secret; give the place of one, such as ${EXAMPLES}.`,
  ],
  [
    'integrations.missing.source.password',
    'There is no integrations.missing in rowcast.yaml; write it there first, since a secret is sealed for its host or URL, too.',
  ],
  [
    'webhooks.oncall.syncs',
    `webhooks.oncall.syncs holds no secret; give the place of one, such as ${EXAMPLES}.`,
  ],
  [
    'destinations.own.headers.Authorization',
    lineOf('destinations.own.headers.Authorization: is what `writeKey` is sent as (Basic); remove it'),
  ],
  [
    'destinations.own.writekey',
    lineOf('destinations.own.writekey: is not a known field; did you mean "writeKey"?'),
  ],
  [
    'destinations.broken.writeKey',
    lineOf(
      'destinations.broken.url: must be an http or https URL ending in "/v1", such as "https://cdp.customer.io/v1" (it is "example.com")',
    ),
  ],
])('for %s nothing is sealed, and it says why', (place, message) => {
  expect(() => bindingOf(place)).toThrow(expect.objectContaining({ code: 'definition_invalid', message }));
});

test('what is missing beside the secret is listed, since its host follows from that', () => {
  const words = /integrations\.odd\.source\.kind: is missing/;
  expect(() => bindingOf('integrations.odd.source.password')).toThrow(words);
  expect(() => bindingOf('integrations.shop.source.password', 'version: 2')).toThrow(/version: must be 1/);
});
