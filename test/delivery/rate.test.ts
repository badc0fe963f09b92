import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRateLimiter, RateLimiters } from '../../delivery/rate.ts';
import type { Clock } from '../../delivery/rate.ts';
import { callOf, openRoom, rows } from './room.ts';

/* At most so many requests in any span of time, whoever sends and however late timers are. */

/** Time that passes only when it is told to; timers are early or late by what `errors` says, in turn. */
class FakeClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; wake: () => void }[] = [];
  #turn = 0;
  readonly #errors: readonly number[];

  constructor(errors: readonly number[] = [0]) {
    this.#errors = errors;
  }

  now(): number {
    return this.#nowMs;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const error = this.#errors[this.#turn++ % this.#errors.length] ?? 0;
    const atMs = this.#nowMs + Math.max(0.5, ms + error);
    await new Promise<void>((wake, abort) => {
      this.#timers.push({ atMs, wake });
      signal.addEventListener('abort', () => abort(signal.reason as Error), { once: true });
    });
  }

  /** Lets time pass, waking whoever is due in the order of their moments. */
  async passTo(ms: number): Promise<void> {
    for (;;) {
      await settle();
      const due = this.#timers.toSorted((left, right) => left.atMs - right.atMs)[0];
      if (due === undefined || due.atMs > ms) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.wake();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }
}

/** Lets everything go on that waits for no timer. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const never = () => new AbortController().signal;

/** The moments at which requests went out that arrived with these gaps between them. */
async function momentsOf(limits: { requests: number; perMs: number }, gaps: number[], clock: FakeClock) {
  const limiter = createRateLimiter(limits, clock);
  const moments: number[] = [];
  const passing: Promise<void>[] = [];
  let arrival = 0;
  for (const gap of gaps) {
    arrival += gap;
    await clock.passTo(arrival);
    passing.push(limiter.pass(never()).then(() => void moments.push(clock.now())));
  }
  await clock.passTo(1e9);
  await Promise.all(passing);
  return moments;
}

/** The most moments within any half-open span. */
function mostIn(moments: readonly number[], spanMs: number): number {
  const inOrder = moments.toSorted((left, right) => left - right);
  return Math.max(
    0,
    ...inOrder.map((start) => inOrder.filter((at) => at >= start && at < start + spanMs).length),
  );
}

describe('a rate', () => {
  test('is never exceeded in any span, and loses nobody, whenever requests come and however timers err', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 50, max: 1_000 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: -2, max: 900 }), { minLength: 1, maxLength: 5 }),
        async (requests, perMs, gaps, errors) => {
          const moments = await momentsOf({ requests, perMs }, gaps, new FakeClock(errors));
          expect(moments).toHaveLength(gaps.length);
          expect(mostIn(moments, perMs)).toBeLessThanOrEqual(requests);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is used to the full: a burst goes out at once, and the next one as soon as it may', async () => {
    const gaps = Array.from({ length: 7 }, () => 0);
    const moments = await momentsOf({ requests: 3, perMs: 1_000 }, gaps, new FakeClock());
    expect(moments).toEqual([0, 0, 0, 1_000, 1_000, 1_000, 2_000]);
  });

  test('lets requests through in the order in which they came', async () => {
    const clock = new FakeClock();
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, clock);
    const order: number[] = [];
    for (const number of rows(1, 5)) void limiter.pass(never()).then(() => order.push(number));
    await clock.passTo(1_000);
    await settle();
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  test('lets a request that is cancelled while it waits go with the reason, and the others on', async () => {
    const clock = new FakeClock();
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, clock);
    await limiter.pass(never());
    const cancel = new AbortController();
    const cancelled = limiter.pass(cancel.signal);
    const next = limiter.pass(never());
    cancel.abort(new Error('not any more'));
    await expect(cancelled).rejects.toThrow('not any more');
    await clock.passTo(1_000);
    await expect(next).resolves.toBeUndefined();
  });

  test('lets nothing through for somebody who is cancelled already', async () => {
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, new FakeClock());
    await expect(limiter.pass(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    await expect(limiter.pass(never())).resolves.toBeUndefined();
  });

  test('holds for a write key, whichever sync sends, and for each key by itself', () => {
    const limiters = new RateLimiters();
    const rate = { requests: 10, perMs: 1_000 };
    const url = 'https://cdp.customer.io/v1/batch';
    const limiter = limiters.of({ url, writeKey: 'one', rate });
    expect(limiters.of({ url, writeKey: 'one', rate })).toBe(limiter);
    expect(limiters.of({ url, writeKey: 'two', rate })).not.toBe(limiter);
    expect(limiters.of({ url: 'https://cdp-eu.customer.io/v1/batch', writeKey: 'one', rate })).not.toBe(
      limiter,
    );
  });

  test('is kept with a destination that counts, so that it never has to say 429', async () => {
    await using room = await openRoom({
      receiver: { requestsPer3s: 8 },
      profile: { batchCallsMax: 1, rate: { requests: 8, perMs: 3_050 } },
      retryBudgetMs: 0,
    });
    await room.stage(rows(1, 12).map((row) => callOf(row)));
    const { position } = await room.deliver();
    expect(position.delivered).toBe(12);
    expect(room.receiver.requests).toBe(12);
  });
});
