import { createHash } from 'node:crypto';
import type { Rate } from './destination.ts';
import { pause } from './pause.ts';

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

/** What a limiter knows of time. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** @throws the reason of the signal. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const CLOCK: Clock = { now: () => performance.now(), pause };

/**
 * At most `requests` in any span of `perMs`: each request waits until the one so many places before it is that
 * long ago, by the moment in which that one really went out, however late its timer was.
 */
export function createRateLimiter({ requests, perMs }: Rate, clock: Clock = CLOCK): RateLimiter {
  /** When the last so many requests went out; a later one waits for the first of them. */
  const moments: Promise<number>[] = [];
  return {
    async pass(signal) {
      signal.throwIfAborted();
      const before = (moments.length < requests ? undefined : moments.shift()) ?? Promise.resolve(-Infinity);
      const moment = passAfter(before, perMs, clock, signal);
      // Whoever waited for one that was given up waits for the one before it.
      moments.push(moment.catch(() => before));
      await moment;
    },
  };
}

async function passAfter(
  before: Promise<number>,
  perMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const at = (await before) + perMs;
  while (clock.now() < at) await clock.pause(at - clock.now(), signal);
  signal.throwIfAborted();
  return clock.now();
}
