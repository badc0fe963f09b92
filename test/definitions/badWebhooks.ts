import { fileOf, LITERAL, NAME } from './badFiles.ts';
import type { Case } from './badFiles.ts';

/* Webhooks with one thing wrong in each, and what their writer reads. */

const WEBHOOK = { url: { secret: 'oncall-url' }, signingSecret: { secret: 'oncall-key' } };
const webhook = (fields: object) => fileOf('webhooks', { ...WEBHOOK, ...fields });

export const WEBHOOKS: readonly Case[] = [
  ['no URL', webhook({ url: undefined }), `webhooks.shop.url: is missing; it ${LITERAL}`],
  // It is not quoted: whoever knows it may write there.
  ['a URL in clear', webhook({ url: 'https://hooks.example.com/T0FEED' }), `webhooks.shop.url: ${LITERAL}`],
  ['no key', webhook({ signingSecret: undefined }), `webhooks.shop.signingSecret: is missing; it ${LITERAL}`],
  ['a key in clear', webhook({ signingSecret: 'whsec_hunter2' }), `webhooks.shop.signingSecret: ${LITERAL}`],
  [
    'an event that there is not',
    webhook({ events: ['failed'] }),
    'webhooks.shop.events.0: must be one of failing, late, failed_rows, recovered (it is "failed")',
  ],
  [
    'one event instead of a list',
    webhook({ events: 'failing' }),
    'webhooks.shop.events: must be a list, such as [failing, recovered] (it is "failing")',
  ],
  [
    'a list of no event',
    webhook({ events: [] }),
    'webhooks.shop.events: names nothing; leave it out instead (it is a list)',
  ],
  [
    'a sync that is no name',
    webhook({ syncs: ['My People'] }),
    `webhooks.shop.syncs.0: ${NAME} (it is "My People")`,
  ],
  [
    'a misspelt field',
    webhook({ signingsecret: 'x' }),
    'webhooks.shop.signingsecret: is not a known field; did you mean "signingSecret"?',
  ],
];
