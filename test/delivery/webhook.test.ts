import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createHttp } from '../../delivery/http.ts';
import { createWebhook } from '../../delivery/webhook.ts';
import type { RowcastError } from '../../errors.ts';
import { createRedactor } from '../../secrets/redact.ts';
import { SIGNING_SECRET, WebhookReceiver } from '../run/webhookReceiver.ts';
import type { Behaviour } from '../run/webhookReceiver.ts';

/* What a webhook is sent, and what its answers mean. */

const http = createHttp({ timeoutMs: 500 });
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.behave());
afterAll(async () => {
  http.close();
  await receiver[Symbol.asyncDispose]();
});

const open = (secrets: { url?: string; signingSecret?: string } = {}) =>
  createWebhook(
    { url: receiver.url, signingSecret: SIGNING_SECRET, ...secrets },
    { name: 'oncall', http, redactor: createRedactor() },
  );

const tell = (secrets = {}) => open(secrets).tell({ id: '01M8' }, new AbortController().signal);
const failure = async (secrets = {}) =>
  (await tell(secrets).catch((error: unknown) => error)) as RowcastError;

test('what is signed as Standard Webhooks has it is taken by who checks it by other means', async () => {
  await tell();
  expect(receiver.arrivals).toMatchObject([{ message: { id: '01M8' }, status: 204 }]);
  expect(receiver.violations).toEqual([]);
});

test('a signature is checked by the lines that the documents give for it', async () => {
  const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'webhooks.md'), 'utf8');
  const [, code = ''] = /```js\n(.*?)```/s.exec(document) ?? [];
  type Check = (headers: object, body: string, secret: string) => boolean;
  const { isFromRowcast } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isFromRowcast: Check;
  };
  await tell();
  const { headers = {}, body = '' } = receiver.last ?? {};
  expect(isFromRowcast(headers, body, SIGNING_SECRET)).toBe(true);
  expect(isFromRowcast(headers, `${body} `, SIGNING_SECRET)).toBe(false);
  expect(isFromRowcast(headers, body, `whsec_${Buffer.alloc(32).toString('base64')}`)).toBe(false);
  expect(isFromRowcast({ ...headers, 'webhook-timestamp': '1795637838' }, body, SIGNING_SECRET)).toBe(false);
  expect(isFromRowcast({ ...headers, 'webhook-signature': 'v1,' }, body, SIGNING_SECRET)).toBe(false);
});

test('what is signed with another key is not', async () => {
  const signingSecret = `whsec_${Buffer.alloc(32).toString('base64')}`;
  await expect(tell({ signingSecret })).rejects.toMatchObject({ code: 'webhook_refused' });
  expect(receiver.violations.splice(0)).toEqual(['signature']);
});

const later: [string, Behaviour, number | undefined, RegExp][] = [
  ['a server in trouble', { kind: 'answer', status: 503 }, undefined, /HTTP 503\.$/],
  [
    'too much at once',
    { kind: 'answer', status: 429, headers: { 'retry-after': '7' } },
    7_000,
    /HTTP 429\.$/,
  ],
  [
    'what may be sent again at once',
    { kind: 'answer', status: 503, headers: { 'retry-after': '0' } },
    undefined,
    /HTTP 503\.$/,
  ],
  [
    'what might have been sent again a while ago',
    { kind: 'answer', status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' } },
    undefined,
    /HTTP 503\.$/,
  ],
  ['a request that took too long', { kind: 'answer', status: 408 }, undefined, /HTTP 408\.$/],
  ['no answer', { kind: 'hang' }, undefined, /no answer within 500 ms\.$/],
];
test.each(later)('%s is tried again later', async (_what, behaviour, retryAfterMs, words) => {
  receiver.behave(behaviour);
  const { code, message, retryAfterMs: afterMs } = await failure();
  expect([code, afterMs]).toEqual(['webhook_unavailable', retryAfterMs]);
  expect(message).toMatch(words);
});

test.each([400, 401, 404, 410])('HTTP %i is not tried again', async (status) => {
  receiver.behave({ kind: 'answer', status });
  const { code, message } = await failure();
  expect(code).toBe('webhook_refused');
  expect(message).toMatch(/is not tried again/);
});

test('a redirect is not followed, and what is signed goes nowhere else', async () => {
  receiver.behave({ kind: 'answer', status: 302, headers: { location: receiver.url } });
  const before = receiver.arrivals.length;
  const { code, message } = await failure();
  expect(code).toBe('webhook_refused');
  expect(message).toMatch(/give the final URL/);
  expect(receiver.arrivals.length).toBe(before + 1);
});

test('a receiver that echoes the URL, a part of it, or the key is quoted without', async () => {
  const { pathname } = new URL(receiver.url);
  const [token, key] = [pathname.split('/').at(-1) ?? '', SIGNING_SECRET.slice('whsec_'.length)];
  const body = `Cannot POST ${pathname} (${receiver.url}, ${token}) with ${SIGNING_SECRET} or ${key}`;
  receiver.behave({ kind: 'answer', status: 404, body });
  expect((await failure()).message).toMatch(
    /HTTP 404: Cannot POST \[secret\] \(\[secret\], \[secret\]\) with whsec_\[secret\] or \[secret\]/,
  );
});

test.each(['raw', 'as JSON has it'])(
  'a secret that stands where an answer is cut is quoted in no part, %s',
  async (form) => {
    const url = form === 'raw' ? receiver.url : receiver.url.replaceAll('/', '\\/');
    receiver.behave({ kind: 'answer', status: 404, body: `${'x'.repeat(480)} ${url}` });
    expect((await failure()).message).toMatch(/HTTP 404: x{480} \[secret\]\./);
  },
);

test('what stands in the query of a URL is a secret, as it is written there and as it reads', async () => {
  const url = `${receiver.url}?wait=true&token=k%2Fh4ns+3w0rst&b8c1f9d2e7a4`;
  const body = 'No token k%2Fh4ns+3w0rst, k/h4ns 3w0rst, b8c1f9d2e7a4; wait=true';
  receiver.behave({ kind: 'answer', status: 404, body });
  expect((await failure({ url })).message).toMatch(
    /HTTP 404: No token \[secret\], \[secret\], \[secret\]; wait=true/,
  );
  expect(receiver.violations).toEqual([]);
});

test.each(['hooks.example.com/T0', 'ftp://example.com/', 'https://me:hunter2@example.com/', ''])(
  'a secret that is no URL is refused, and not quoted: %s',
  (url) => {
    expect(() => open({ url })).toThrow(
      /^What stands for `url` of the webhook oncall is no http or https URL/,
    );
    expect(() => open({ url })).not.toThrow(/hunter2|T0/);
  },
);

test.each([
  'hunter2',
  'whsec_',
  'whsec_aHVudGVyMg==',
  `whsec_${'A'.repeat(100)}`,
  `whsec_hunter2!${'A'.repeat(32)}`,
])('a secret that is no key is refused, and not quoted: %s', (signingSecret) => {
  expect(() => open({ signingSecret })).toThrow(
    /`signingSecret` of the webhook oncall is no key: give `whsec_`/,
  );
  expect(() => open({ signingSecret })).not.toThrow(/hunter2/);
});
