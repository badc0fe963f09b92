import { expect, test } from 'vitest';
import { callOf, openRoom, rows } from './room.ts';
import { stagedOf } from '../storage/chunk.ts';

/* Runs at full speed to each kind of destination, held against the rate by a receiver that counts. */

/** The most moments within any half-open span. @param moments in order. */
function mostIn(moments: readonly number[], spanMs: number): number {
  let first = 0;
  return Math.max(
    0,
    ...moments.map((at, index) => {
      while ((moments[first] ?? at) <= at - spanMs) first += 1;
      return index - first + 1;
    }),
  );
}

const LANES = 12;

test.each([
  { kind: 'customerio', api: 'customerio', requests: 3_200, most: 3_000, spanMs: 3_000 },
  { kind: 'segment', api: 'segment', requests: 2_200, most: 1_000, spanMs: 1_000 },
  { kind: 'rudderstack', api: 'rudderstack', requests: 250, most: 100, spanMs: 1_000 },
  { kind: 'http', api: 'segment', requests: 250, most: 100, spanMs: 1_000 },
] as const)(
  'no span of $spanMs ms brings more than $most requests to $kind, and none is answered 429',
  async (expected) => {
    const { kind, api, requests, most, spanMs } = expected;
    await using room = await openRoom({ destination: { kind }, receiver: { api }, retryBudgetMs: 0 });
    const left = rows(1, requests);
    const signal = new AbortController().signal;
    const lane = async () => {
      for (let row = left.shift(); row !== undefined; row = left.shift()) {
        const calls = stagedOf([callOf(row)], row);
        expect(await room.sender.send(calls, signal)).toEqual({ kind: 'accepted' });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const moments = room.receiver.log.batches.map(({ atMs }) => atMs);
    expect(moments).toHaveLength(requests);
    expect(mostIn(moments, spanMs)).toBeLessThanOrEqual(most);
  },
);
