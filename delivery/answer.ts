/** What a destination answered to a request. */
export interface Answer {
  readonly status: number;
  /** The Retry-After header: seconds or an HTTP date; null where there is none. */
  readonly retryAfter: string | null;
  /** The beginning of the body, as text. */
  readonly body: string;
}

/**
 * What an answer means for the batch that was sent.
 *
 * - `accepted`: the destination has all of it.
 * - `partial`: it has some; `failed` are the others by their index in the batch, null where it does not say which.
 * - `rejected`: it will not take the batch as it is; its halves may be taken.
 * - `refused`: it will take nothing from us.
 * - `later`: the same batch may be taken later, after `afterMs` where it says so.
 */
export type Meaning =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'partial'; readonly failed: readonly FailedCall[] | null; readonly words: string }
  | { readonly kind: 'rejected'; readonly words: string }
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'later'; readonly words: string; readonly afterMs: number | null };

export interface FailedCall {
  readonly index: number;
  readonly words: string;
}

/** Words of a destination are cut to this many characters. */
const WORDS_MAX = 500;

/** Nobody means more than this. */
const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/**
 * Decides what an answer means.
 *
 * @param calls how many calls the batch had.
 * @param nowMs the current time, in milliseconds since 1970, for a Retry-After that is a date.
 */
export function meaningOf(answer: Answer, { calls, nowMs }: { calls: number; nowMs: number }): Meaning {
  const { status } = answer;
  if (status >= 200 && status < 300) return meaningOfSuccess(answer, calls);
  const words = wordsOfAnswer(answer);
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'later', words, afterMs: retryAfterMs(answer.retryAfter, nowMs) };
  }
  if (status === 400 || status === 413) return { kind: 'rejected', words };
  if (status >= 300 && status < 400) {
    return { kind: 'refused', words: `${words}; redirects are not followed, so give the final URL` };
  }
  return { kind: 'refused', words };
}

/**
 * A success whose body says that some calls failed is read, not believed. One that cannot be read, because it was
 * cut off, may say so.
 */
function meaningOfSuccess(answer: Answer, calls: number): Meaning {
  const text = answer.body.trim();
  if (/^<(!doctype|html)/i.test(text)) {
    return {
      kind: 'refused',
      words: `${wordsOfAnswer(answer)}; this is a web page, so its URL is not that of an API`,
    };
  }
  if (!/^[[{]/.test(text)) return { kind: 'accepted' };
  const body = parsed(text);
  if (body === null) return { kind: 'partial', failed: null, words: wordsOfAnswer(answer) };
  const { ok, success, okEvents, errors, error } = body;
  const missing = typeof okEvents === 'number' ? calls - okEvents : 0;
  if (ok !== false && success !== false && missing <= 0 && !isFilled(errors) && !isFilled(error)) {
    return { kind: 'accepted' };
  }
  const failed = Array.isArray(errors) && errors.length > 0 ? indexed(errors as unknown[], calls) : null;
  // An answer that counts more than it lists does not say which.
  const isComplete = new Set(failed?.map(({ index }) => index)).size >= missing;
  return { kind: 'partial', failed: isComplete ? failed : null, words: wordsOfAnswer(answer) };
}

function isFilled(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  return value !== null && typeof value === 'object' && Object.keys(value).length > 0;
}

/** Errors by index, where every one of them has one. */
function indexed(errors: readonly unknown[], calls: number): FailedCall[] | null {
  const failed = errors.map((error): FailedCall | null => {
    if (error === null || typeof error !== 'object') return null;
    const {
      batch_index: batchIndex,
      index = batchIndex,
      message,
      error: text,
      reason,
    } = error as Record<string, unknown>;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= calls) return null;
    const words =
      [message, text, reason].find((candidate) => typeof candidate === 'string') ?? JSON.stringify(error);
    return { index, words: words.slice(0, WORDS_MAX) };
  });
  return failed.includes(null) ? null : (failed as FailedCall[]);
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** An answer in words: its status, and the beginning of its body. */
export function wordsOfAnswer({ status, body }: Answer): string {
  const text = body.replace(/\s+/g, ' ').trim().slice(0, WORDS_MAX);
  return text === '' ? `HTTP ${status}` : `HTTP ${status}: ${text}`;
}

/** The milliseconds that a Retry-After header asks for, a day at most; null where it is absent or makes no sense. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const isSeconds = /^\d+(\.\d+)?$/.test(header.trim());
  const ms = isSeconds ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ms));
}
