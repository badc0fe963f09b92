import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRateLimiter } from '../../delivery/rate.ts';
import type { Clock } from '../../delivery/rate.ts';
import { SharedByWriteKey } from '../../delivery/shared.ts';
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
    if (ms === 0) return;
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

/** A request: how long after the one before it is made, and how long it is then under way there and back. */
interface Way {
  readonly gap: number;
  readonly there: number;
  readonly back: number;
}

const AT_ONCE: Way = { gap: 0, there: 0, back: 0 };

/** The moments at which requests arrive. */
async function arrivalsOf(limits: { requests: number; perMs: number }, ways: Way[], clock: FakeClock) {
  const limiter = createRateLimiter(limits, clock);
  const arrivals: number[] = [];
  const send = async ({ there, back }: Way) => {
    const over = await limiter.pass(never());
    await clock.pause(there, never());
    arrivals.push(clock.now());
    await clock.pause(back, never());
    over();
  };
  const sending: Promise<void>[] = [];
  let madeAt = 0;
  for (const way of ways) {
    madeAt += way.gap;
    await clock.passTo(madeAt);
    sending.push(send(way));
  }
  await clock.passTo(1e9);
  await Promise.all(sending);
  return arrivals;
}

/** The most moments within any half-open span. */
function mostIn(moments: readonly number[], spanMs: number): number {
  const inOrder = moments.toSorted((left, right) => left - right);
  return Math.max(
    0,
    ...inOrder.map((start) => inOrder.filter((at) => at >= start && at < start + spanMs).length),
  );
}

/** Milliseconds. */
const DURATION = fc.integer({ min: 0, max: 400 });

describe('a rate', () => {
  test('is never exceeded where requests arrive, and loses nobody, however long they take and timers err', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 50, max: 1_000 }),
        fc.array(fc.record({ gap: DURATION, there: DURATION, back: DURATION }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.array(fc.integer({ min: -2, max: 900 }), { minLength: 1, maxLength: 5 }),
        async (requests, perMs, ways, errors) => {
          const arrivals = await arrivalsOf({ requests, perMs }, ways, new FakeClock(errors));
          expect(arrivals).toHaveLength(ways.length);
          expect(mostIn(arrivals, perMs)).toBeLessThanOrEqual(requests);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is used to the full: a burst goes out at once, and the next one as soon as it may', async () => {
    const ways = Array.from({ length: 7 }, () => AT_ONCE);
    const arrivals = await arrivalsOf({ requests: 3, perMs: 1_000 }, ways, new FakeClock());
    expect(arrivals).toEqual([0, 0, 0, 1_000, 1_000, 1_000, 2_000]);
  });

  test('lets requests through in the order in which they came', async () => {
    const clock = new FakeClock();
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, clock);
    const order: number[] = [];
    for (const number of rows(1, 5)) {
      void limiter.pass(never()).then((over) => {
        order.push(number);
        over();
      });
    }
    await clock.passTo(1_000);
    await settle();
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  test('lets requests that are cancelled while they wait go with the reason, and the others on', async () => {
    const clock = new FakeClock();
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, clock);
    const over = await limiter.pass(never());
    const [early, late] = [new AbortController(), new AbortController()];
    const waitsForItsEnd = limiter.pass(early.signal);
    early.abort(new Error('not any more'));
    // It goes though the request that it waits for never ends.
    await expect(waitsForItsEnd).rejects.toThrow('not any more');
    over();
    const waitsForItsTime = limiter.pass(late.signal);
    const next = limiter.pass(never());
    await settle();
    late.abort(new Error('nor any later'));
    await expect(waitsForItsTime).rejects.toThrow('nor any later');
    await clock.passTo(1_000);
    await expect(next).resolves.toBeTypeOf('function');
  });

  test('lets nothing through for somebody who is cancelled already', async () => {
    const limiter = createRateLimiter({ requests: 1, perMs: 100 }, new FakeClock());
    await expect(limiter.pass(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    await expect(limiter.pass(never())).resolves.toBeTypeOf('function');
  });

  test('holds for a write key, whichever sync sends, and for each key by itself', () => {
    const shared = new SharedByWriteKey();
    const rate = { requests: 10, perMs: 1_000 };
    const url = 'https://cdp.customer.io/v1/batch';
    const { limiter } = shared.of({ url, writeKey: 'one', rate });
    expect(shared.of({ url, writeKey: 'one', rate }).limiter).toBe(limiter);
    expect(shared.of({ url, writeKey: 'two', rate }).limiter).not.toBe(limiter);
    const elsewhere = { url: 'https://cdp-eu.customer.io/v1/batch', writeKey: 'one', rate };
    expect(shared.of(elsewhere).limiter).not.toBe(limiter);
  });

  test('is kept with a destination that counts, so that it never has to say 429', async () => {
    await using room = await openRoom({
      receiver: { requestsPer3s: 8 },
      profile: { batchCallsMax: 1, rate: { requests: 8, perMs: 3_000 } },
      retryBudgetMs: 0,
    });
    await room.stage(rows(1, 12).map((row) => callOf(row)));
    const { position } = await room.deliver();
    expect(position.delivered).toBe(12);
    expect(room.receiver.requests).toBe(12);
  });
});
