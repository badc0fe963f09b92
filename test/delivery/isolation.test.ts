import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../dev/receiver/fault.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import { createHttp } from '../../delivery/http.ts';
import type { Http } from '../../delivery/http.ts';
import { createSender } from '../../delivery/sender.ts';
import { SharedByWriteKey } from '../../delivery/shared.ts';
import { destinationProfile } from '../../delivery/destination.ts';
import { DestinationDefinition } from '../../definitions/destination.ts';
import { RowcastError } from '../../errors.ts';
import { createRedactor } from '../../secrets/redact.ts';
import { nobodyListens } from './nobodyListens.ts';
import { callOf, rows, WRITE_KEY } from './room.ts';
import { stagedOf } from '../storage/chunk.ts';

/*
 * Deliveries of many syncs on a worker's sixteen slots, with the time-outs of production. Whoever leaves gives its
 * slot back and comes again when it was told to, as Temporal has it.
 */

const SLOTS = 16;
const TIMEOUT_MS = 30_000;
const RETRY_BUDGET_MS = 30_000;
/** Enough for a busy machine, and far less than one time-out or one retry budget. */
const SOON_MS = 15_000;

let http: Http;
let shared: SharedByWriteKey;
let receivers: Receiver[];
let stop: AbortController;
/** Those who wait for a slot, first come, first served. */
let queue: (() => void)[];
let free: number;

beforeEach(() => {
  http = createHttp({ timeoutMs: TIMEOUT_MS });
  shared = new SharedByWriteKey();
  receivers = [];
  stop = new AbortController();
  queue = [];
  free = SLOTS;
});

afterEach(async () => {
  stop.abort(new Error('the test is over'));
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  http.close();
});

async function receiver(...faults: Fault[]): Promise<Receiver> {
  const started = await Receiver.start({ writeKey: WRITE_KEY, requestsPer3s: 1_000_000 });
  receivers.push(started);
  started.misbehave(...faults);
  return started;
}

async function inSlot<Result>(work: () => Promise<Result>): Promise<Result> {
  if (free > 0) free -= 1;
  else await new Promise<void>((taken) => queue.push(taken));
  try {
    return await work();
  } finally {
    const next = queue.shift();
    if (next === undefined) free += 1;
    else next();
  }
}

function senderTo(url: string) {
  const definition = { name: 'shop-cdp', kind: 'customerio', url, writeKey: { secret: 'write-key' } };
  const profile = destinationProfile(DestinationDefinition.parse(definition));
  return createSender({
    ...shared.of({ url: profile.batchUrl, writeKey: WRITE_KEY, rate: profile.rate }),
    profile,
    writeKey: WRITE_KEY,
    headers: {},
    http,
    redactor: createRedactor(),
    retryBudgetMs: RETRY_BUDGET_MS,
  });
}

/** Delivers a call until it is taken, however often the delivery is sent away, and answers how often it was. */
async function deliver(url: string, row: number): Promise<number> {
  const calls = stagedOf([callOf(row)], row);
  for (let times = 0; ; times += 1) {
    const restMs = await inSlot(async () => {
      stop.signal.throwIfAborted();
      const sender = senderTo(url);
      return await sender.send(calls, stop.signal).then(() => null, restOf);
    });
    if (restMs === null) return times;
    await sleep(restMs, undefined, { signal: stop.signal });
  }
}

function restOf(error: unknown): number {
  if (error instanceof RowcastError && error.code === 'destination_unavailable')
    return error.retryAfterMs ?? 0;
  throw error;
}

/** Starts so many deliveries; `left` is how many are under way. */
function startMany(
  url: string,
  count: number,
): { readonly left: () => number; readonly all: Promise<unknown> } {
  let left = count;
  const all = rows(1, count).map((row) => deliver(url, row).then(() => (left -= 1)));
  const settled = Promise.allSettled(all);
  return { left: () => left, all: settled };
}

async function timeOf(task: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await task;
  return performance.now() - startMs;
}

test('three destinations that are dead in three ways, with forty syncs due on each, do not hold up a living one', async () => {
  const silent = await receiver({ kind: 'silence' });
  const broken = await receiver({ kind: 'answer', status: 500, body: 'out of order' });
  const living = await receiver();
  const dead = [silent.url, broken.url, await nobodyListens()].map((url) => startMany(url, 40));
  expect(await timeOf(deliver(living.url, 1))).toBeLessThan(SOON_MS);
  expect(living.log.calls).toHaveLength(1);
  await sleep(3_000);
  expect(await timeOf(deliver(living.url, 2))).toBeLessThan(SOON_MS);
  expect(dead.map(({ left }) => left())).toEqual([40, 40, 40]);
});

test('a destination that falls silent while sixteen syncs send to it gives their slots back', async () => {
  const falling = await receiver();
  const living = await receiver();
  await deliver(falling.url, 1);
  falling.misbehave({ kind: 'silence' });
  const dead = startMany(falling.url, 40);
  while (falling.requests < 1 + SLOTS) await sleep(20);
  expect(await timeOf(deliver(living.url, 1))).toBeLessThan(SOON_MS);
  expect(dead.left()).toBe(40);
});

test('a destination that was down takes everything once it is up again, each call once', async () => {
  const down = await receiver({ kind: 'answer', status: 503 });
  const many = startMany(down.url, 40);
  await sleep(6_000);
  const asked = down.requests;
  expect(many.left()).toBe(40);
  // Only one goes on asking.
  expect(asked).toBeLessThan(40);
  down.misbehave();
  await many.all;
  expect(many.left()).toBe(0);
  expect(down.log.stats()).toMatchObject({ received: 40, distinct: 40, violations: [] });
});

test(
  'a destination that takes six to eight seconds for each request gets everything from twenty syncs at once',
  { timeout: 180_000 },
  async () => {
    const slow = await receiver(
      ...rows(1, 200).map((row): Fault => ({ kind: 'slow', ms: 6_000 + ((row * 700) % 2_000), times: 1 })),
    );
    const many = startMany(slow.url, 20);
    await many.all;
    expect(many.left()).toBe(0);
    expect(slow.log.stats()).toMatchObject({ distinct: 20, violations: [] });
  },
);
