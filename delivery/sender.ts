import { RowcastError } from '../errors.ts';
import type { Redactor } from '../secrets/redact.ts';
import type { StagedCalls } from '../storage/stagedCalls.ts';
import { meaningOf } from './answer.ts';
import type { Meaning } from './answer.ts';
import { Batch } from './batch.ts';
import type { DestinationProfile } from './destination.ts';
import type { Health, Visitor } from './health.ts';
import { bodyOf } from './http.ts';
import type { Body, Exchange, Http, HttpRequest } from './http.ts';
import { pause } from './pause.ts';
import type { RateLimiter } from './rate.ts';
import { redactAnswer } from './redactAnswer.ts';

/** What became of a batch, for good. */
export type Verdict = Exclude<Meaning, { kind: 'later' | 'refused' }>;

/** Sends batches to one destination. */
export interface Sender {
  readonly profile: DestinationProfile;
  /** What is wrong with the destination now, in words; null where nothing is known to be. */
  readonly trouble: string | null;
  /**
   * Sends calls as a batch, trying again through short trouble; where others to the same destination are at it already, for a
   * moment only.
   *
   * @throws RowcastError destination_unavailable where the trouble lasts, destination_refused where nothing will
   *   be taken; the reason of the signal.
   */
  send(calls: StagedCalls, signal: AbortSignal): Promise<Verdict>;
  /**
   * Sends a batch without calls, once: whether the destination is there and takes the write key.
   *
   * @throws RowcastError destination_unavailable, destination_refused; the reason of the signal.
   */
  greet(signal: AbortSignal): Promise<Verdict>;
}

export interface SenderOptions {
  readonly profile: DestinationProfile;
  readonly writeKey: string;
  /** Headers of the user's own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly http: Http;
  readonly limiter: RateLimiter;
  readonly health: Health;
  readonly redactor: Redactor;
  /** How long trouble is absorbed here before somebody else waits, in milliseconds. */
  readonly retryBudgetMs: number;
  /** Told of each request that was answered, or failed. */
  readonly onAsked?: (asked: Asked) => void;
}

/** A request that is over. */
export interface Asked {
  readonly url: string;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  readonly meaning: Meaning['kind'];
  /** Null where there was no answer. */
  readonly status: number | null;
  readonly calls: number;
  /** Of its body. */
  readonly bytes: number;
  /** How often the same batch was sent before. */
  readonly tries: number;
}

const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 8_000;

export function createSender(options: SenderOptions): Sender {
  const { profile, health, writeKey, redactor } = options;
  const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
  redactor.remember(writeKey);
  const to = {
    url: new URL(profile.batchUrl),
    headers: { ...options.headers, ...profile.headers, authorization },
  };
  const visitor = { unavailable: (words: string, restMs: number) => unavailable(profile, words, restMs) };
  return {
    profile,
    get trouble() {
      return health.trouble === null ? null : `the destination ${profile.name}: ${health.trouble}`;
    },
    send: (calls, signal) => send(calls, to, visitor, options, signal),
    greet: (signal) => greet(to, options, signal),
  };
}

const NO_CALLS = bodyOf(Buffer.from('{"batch":[]}'));

async function greet(
  to: Pick<HttpRequest, 'url' | 'headers'>,
  options: SenderOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  const { profile, limiter, health } = options;
  const over = await limiter.pass(signal);
  const meaning = await exchange({ body: NO_CALLS, calls: 0, tries: 0 }, to, options, signal).finally(over);
  if (meaning.kind === 'refused') throw refused(profile, meaning.words);
  if (meaning.kind === 'later') throw unavailable(profile, meaning.words, meaning.afterMs || health.restMs());
  return meaning;
}

async function send(
  calls: StagedCalls,
  to: Pick<HttpRequest, 'url' | 'headers'>,
  visitor: Visitor,
  options: SenderOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  const { profile, limiter, health, retryBudgetMs } = options;
  const batch = new Batch(calls, profile);
  const startMs = performance.now();
  using visit = health.enter(visitor, signal);
  await visit.admitted();
  for (let tries = 0; ; tries += 1) {
    const over = await limiter.pass(visit.signal);
    visit.asks();
    const request = { body: batch, calls: calls.count, tries };
    const meaning = await exchange(request, to, options, visit.signal).finally(over);
    if (meaning.kind === 'later') visit.hasFailed(meaning.words, meaning.afterMs);
    else visit.isAnswered();
    if (meaning.kind === 'refused') throw refused(profile, meaning.words);
    if (meaning.kind !== 'later') return meaning;
    const waitMs = Math.max(meaning.afterMs ?? 0, backoffMs(tries));
    const troubleMs = Math.max(performance.now() - startMs, health.troubleMs);
    if (troubleMs + waitMs > retryBudgetMs) {
      throw visitor.unavailable(meaning.words, meaning.afterMs || health.restMs());
    }
    await pause(waitMs, visit.signal);
  }
}

/** What one request is made of. */
interface Request {
  readonly body: Body;
  readonly calls: number;
  readonly tries: number;
}

async function exchange(
  request: Request,
  to: Pick<HttpRequest, 'url' | 'headers'>,
  options: SenderOptions,
  signal: AbortSignal,
): Promise<Meaning> {
  const { profile, http, onAsked } = options;
  const { body, calls, tries } = request;
  const startMs = performance.now();
  const result = await http.post({ ...to, body, signal });
  const meaning = meaningOfResult(result, calls, options);
  const ms = performance.now() - startMs;
  const status = result.kind === 'answered' ? result.answer.status : null;
  onAsked?.({ url: profile.batchUrl, ms, meaning: meaning.kind, status, calls, bytes: body.bytes, tries });
  return meaning;
}

function meaningOfResult(result: Exchange, calls: number, { redactor }: SenderOptions): Meaning {
  switch (result.kind) {
    case 'answered':
      return meaningOf(redactAnswer(result.answer, redactor), { calls, nowMs: Date.now() });
    case 'broken':
      return { kind: 'later', words: redactor.redact(result.words), afterMs: null };
    case 'untrusted':
      return { kind: 'refused', words: `its certificate is not trusted (${result.words})` };
  }
}

/** Doubles up to a limit; half of it is chance, so that senders do not come back all at once. */
function backoffMs(tries: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** tries);
  return full / 2 + (Math.random() * full) / 2;
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^HTTP 401/, 'Check its write key.'],
  [/^HTTP 402/, 'Its account cannot take more; see to its plan or its bill.'],
  [/^HTTP 403/, 'Its write key may not do this; check the key and the rights of its account.'],
  [/^HTTP 404/, 'Check its `url` and `region`, and that the source of the write key is enabled.'],
  [/certificate/, 'Install the certificate of its authority on the worker (NODE_EXTRA_CA_CERTS).'],
];

function refused({ name, batchUrl }: DestinationProfile, words: string): RowcastError {
  const advice = ADVICE.find(([pattern]) => pattern.test(words))?.[1] ?? 'See what it says.';
  return new RowcastError(
    'destination_refused',
    `The destination ${name} (${batchUrl}) takes nothing: ${words}. ${advice}`,
  );
}

function unavailable({ name, batchUrl }: DestinationProfile, words: string, restMs: number): RowcastError {
  return new RowcastError(
    'destination_unavailable',
    `The destination ${name} (${batchUrl}) cannot take calls now: ${words}. The run tries again.`,
    { retryAfterMs: restMs },
  );
}
