import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rate } from './destination.ts';

/** Lets requests through as fast as a rate allows. */
export interface RateLimiter {
  /** Resolves when the next request may go out; first come, first served. @throws the reason of the signal. */
  pass(signal: AbortSignal): Promise<void>;
}

/** The limiters of a worker: one for each destination's write key, whichever sync sends. */
export class RateLimiters {
  readonly #limiters = new Map<string, RateLimiter>();

  of({ url, writeKey, rate }: { url: string; writeKey: string; rate: Rate }): RateLimiter {
    const id = `${url} ${createHash('sha256').update(writeKey).digest('hex')} ${rate.requests}/${rate.perMs}`;
    const limiter = this.#limiters.get(id) ?? createRateLimiter(rate);
    this.#limiters.set(id, limiter);
    return limiter;
  }
}

/**
 * At most `requests` in any span of `perMs`: the moments of the last so many requests are kept, and a further
 * one waits until the oldest of them is that long ago.
 */
export function createRateLimiter({ requests, perMs }: Rate, now = () => performance.now()): RateLimiter {
  const moments: number[] = [];
  return {
    async pass(signal) {
      signal.throwIfAborted();
      const oldest = moments.length < requests ? -Infinity : (moments.shift() ?? -Infinity);
      const at = Math.max(now(), oldest + perMs);
      moments.push(at);
      const wait = at - now();
      if (wait > 0) await sleep(wait, undefined, { signal });
    },
  };
}
