import { createHmac } from 'node:crypto';
import { RowcastError } from '../errors.ts';
import type { Redactor } from '../secrets/redact.ts';
import { retryAfterMs, wordsOfAnswer } from './answer.ts';
import { bodyOf } from './http.ts';
import type { Exchange, Http } from './http.ts';
import { redactAnswer } from './redactAnswer.ts';

/** The prefix of a key in base64. Source: the Standard Webhooks specification. */
const KEY = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** Bytes that a key may have. Source: the same. */
const [KEY_BYTES_MIN, KEY_BYTES_MAX] = [24, 64];

export interface WebhookSecrets {
  readonly url: string;
  readonly signingSecret: string;
}

/** A webhook that can be told something. */
export interface Webhook {
  /**
   * Sends a message once. Its id makes one that comes again known.
   *
   * @throws RowcastError webhook_unavailable where it may be taken later, after the time that the other side names;
   * webhook_refused; the reason of the signal.
   */
  tell(message: { readonly id: string }, signal: AbortSignal): Promise<void>;
}

export interface WebhookWiring {
  readonly name: string;
  readonly http: Http;
  readonly redactor: Redactor;
}

/** @throws RowcastError secret_refused for a URL or a key that is none. */
export function createWebhook(secrets: WebhookSecrets, { name, http, redactor }: WebhookWiring): Webhook {
  const url = urlIn(secrets.url.trim(), name);
  const key = keyIn(secrets.signingSecret.trim(), name);
  for (const part of secretPartsOf(url, secrets)) redactor.remember(part);
  return {
    async tell(message, signal) {
      const body = Buffer.from(JSON.stringify(message));
      const seconds = Math.floor(Date.now() / 1_000);
      const headers = {
        'user-agent': 'rowcast',
        'webhook-id': message.id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': signatureOf(key, `${message.id}.${seconds}.`, body),
      };
      const exchange = await http.post({ url, headers, body: bodyOf(body), signal });
      const problem = problemOf(exchange, redactor, Date.now());
      if (problem === null) return;
      throw new RowcastError(
        problem.later ? 'webhook_unavailable' : 'webhook_refused',
        redactor.redact(
          `The webhook ${name} was not told: ${problem.words}.${problem.later ? '' : ' That is not tried again; correct its `url`, or what answers there.'}`,
        ),
        // Temporal takes no wait at all for the longest.
        problem.afterMs ? { retryAfterMs: problem.afterMs } : {},
      );
    },
  };
}

/** Source: the Standard Webhooks specification, symmetric signatures. */
function signatureOf(key: Buffer, prefix: string, body: Buffer): string {
  return `v1,${createHmac('sha256', key).update(prefix).update(body).digest('base64')}`;
}

interface Problem {
  readonly later: boolean;
  readonly words: string;
  readonly afterMs: number | null;
}

/** What is wrong with an answer; null where the message was taken. */
function problemOf(exchange: Exchange, redactor: Redactor, nowMs: number): Problem | null {
  if (exchange.kind === 'broken') return { later: true, words: exchange.words, afterMs: null };
  if (exchange.kind === 'untrusted') return { later: false, words: exchange.words, afterMs: null };
  const answer = redactAnswer(exchange.answer, redactor);
  const { status } = answer;
  if (status >= 200 && status < 300) return null;
  const words = wordsOfAnswer(answer);
  if (status === 408 || status === 429 || status >= 500) {
    return { later: true, words, afterMs: retryAfterMs(answer.retryAfter, nowMs) };
  }
  const moved = status >= 300 && status < 400 ? '; redirects are not followed, so give the final URL' : '';
  return { later: false, words: `${words}${moved}`, afterMs: null };
}

function urlIn(text: string, name: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return url;
  throw new RowcastError(
    'secret_refused',
    `What stands for \`url\` of the webhook ${name} is no http or https URL, or one with a user; correct that secret.`,
  );
}

function keyIn(text: string, name: string): Buffer {
  const key = Buffer.from(KEY.exec(text)?.[1] ?? '', 'base64');
  if (key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX) return key;
  throw new RowcastError(
    'secret_refused',
    `What stands for \`signingSecret\` of the webhook ${name} is no key: give \`whsec_\` and ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} random bytes in base64, as \`echo whsec_$(openssl rand -base64 32)\` makes them.`,
  );
}

/** A part of a path, or a value in a query, that is as long may be a token. */
const TOKEN_CHARS_MIN = 12;

/** What an answer may echo of a URL that nobody may know, and of the key. */
function secretPartsOf(
  { href, pathname, search, searchParams }: URL,
  { signingSecret }: WebhookSecrets,
): string[] {
  return [
    href,
    `${pathname}${search}`,
    pathname,
    ...pathname.split('/'),
    // As they are written, and as they read.
    ...search
      .slice(1)
      .split('&')
      .map((pair) => pair.slice(pair.indexOf('=') + 1)),
    ...searchParams.values(),
    signingSecret.trim().replace(/^whsec_/, ''),
  ].filter((part) => part.length >= TOKEN_CHARS_MIN);
}
