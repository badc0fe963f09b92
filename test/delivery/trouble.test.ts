import { describe, expect, test } from 'vitest';
import type { RowcastError } from '../../errors.ts';
import type { Fault } from '../../dev/receiver/fault.ts';
import { nobodyListens } from './nobodyListens.ts';
import { callOf, messageIdOf, openRoom, rows, START } from './room.ts';
import type { Room } from './room.ts';

/* Trouble that passes, and trouble that lasts longer than delivery waits by itself. */

const calls = (from: number, to: number) => rows(from, to).map((row) => callOf(row));
const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);
const idsOf = (from: number, to: number) => rows(from, to).map(messageIdOf);

/** What a delivery fails with. */
async function failureOf(delivery: Promise<unknown>): Promise<RowcastError> {
  return delivery.then(
    () => expect.fail('the delivery came to its end'),
    (error: unknown) => error as RowcastError,
  );
}

const inAMoment = () => new Date(Date.now() + 1_000).toUTCString();

describe('a destination in passing trouble gets every call once, in order', () => {
  const troubles: [string, () => readonly Fault[]][] = [
    [
      'answers 429 with Retry-After in seconds',
      () => [{ kind: 'answer', status: 429, headers: { 'retry-after': '1' }, times: 1 }],
    ],
    [
      'answers 429 with Retry-After as a date',
      () => [{ kind: 'answer', status: 429, headers: { 'retry-after': inAMoment() }, times: 1 }],
    ],
    ['answers 429 without Retry-After', () => [{ kind: 'answer', status: 429, times: 2 }]],
    ['answers 408', () => [{ kind: 'answer', status: 408, times: 1 }]],
    [
      'answers 500, 502, 503 and 504',
      () => [500, 502, 503, 504].map((status) => ({ kind: 'answer', status, times: 1 }) as const),
    ],
    [
      'answers 500 although it has taken the request',
      () => [{ kind: 'answer', status: 500, afterTaking: true, times: 1 }],
    ],
    ['breaks the connection before it has read the request', () => [{ kind: 'reset', times: 2 }]],
    ['breaks the connection after it has taken the request', () => [{ kind: 'reset_after', times: 2 }]],
    ['never answers', () => [{ kind: 'silence', times: 1 }]],
    [
      'never answers although it has taken the request',
      () => [{ kind: 'silence', afterTaking: true, times: 1 }],
    ],
    ['answers slowly', () => [{ kind: 'slow', ms: 600, times: 2 }]],
  ];

  test.each(troubles)('when it %s', async (_name, faults) => {
    await using room = await openRoom({ timeoutMs: 1_000, profile: { batchCallsMax: 3 } });
    await room.stage(calls(1, 7), calls(8, 10));
    room.receiver.misbehave(...faults());
    const { position, done } = await room.deliver();
    expect(done).toBe(true);
    expect(position).toMatchObject({ chunk: 2, delivered: 10, failed: 0, errorFiles: [] });
    expect(received(room)).toEqual(idsOf(1, 10));
    expect(room.receiver.log.violations).toEqual([]);
  });
});

test("a person's calls keep their order through all of it, one trouble after the other", async () => {
  await using room = await openRoom({ timeoutMs: 400, profile: { batchCallsMax: 10 } });
  const people = 7;
  const ofPeople = (from: number, to: number) =>
    rows(from, to).map((row) => callOf(row, { userId: row === 33 ? 'bad' : `p${row % people}` }));
  await room.stage(ofPeople(1, 45), ofPeople(46, 90));
  room.receiver.misbehave(
    { kind: 'reset_after', times: 1 },
    { kind: 'answer', status: 502, afterTaking: true, times: 1 },
    { kind: 'silence', afterTaking: true, times: 1 },
    { kind: 'reset', times: 1 },
    { kind: 'slow', ms: 100, times: 1 },
    { kind: 'answer', status: 400, body: 'one of them is bad', times: 3 },
    { kind: 'silence', times: 1 },
    { kind: 'dislike', users: ['bad'] },
  );
  const { position } = await room.deliver();
  expect(position).toMatchObject({ delivered: 89, failed: 1 });
  expect(room.receiver.log.violations).toEqual([]);
  expect(received(room)).toEqual(idsOf(1, 90).filter((id) => id !== messageIdOf(33)));
});

describe('a destination that is down for longer', () => {
  test('fails the delivery as unavailable, with how long it asks to be left alone', async () => {
    await using room = await openRoom({ retryBudgetMs: 2_000 });
    await room.stage(calls(1, 3));
    room.receiver.misbehave({
      kind: 'answer',
      status: 429,
      headers: { 'retry-after': '90' },
      body: 'slow down',
    });
    const failure = await failureOf(room.deliver());
    expect(failure).toMatchObject({ code: 'destination_unavailable', retryAfterMs: 90_000, retryable: true });
    expect(failure.message).toContain('shop-cdp');
    expect(failure.message).toContain('HTTP 429: slow down');
    expect(room.receiver.requests).toBe(1);
  });

  test('is left alone for two seconds at least where it names no time', async () => {
    await using room = await openRoom({ retryBudgetMs: 600 });
    await room.stage(calls(1, 3));
    room.receiver.misbehave({ kind: 'answer', status: 503 });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_unavailable');
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(2_000);
    expect(failure.retryAfterMs).toBeLessThanOrEqual(3_000);
    expect(room.receiver.requests).toBeGreaterThan(1);
  });

  test('is not pressed when it says that it may be asked again at once', async () => {
    await using room = await openRoom({ retryBudgetMs: 1_500 });
    await room.stage(calls(1, 3));
    room.receiver.misbehave({ kind: 'answer', status: 429, headers: { 'retry-after': '0' } });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_unavailable');
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(2_000);
    expect(room.receiver.requests).toBeLessThan(10);
  });

  test('is up again: nothing before the last position is sent again, and nothing is lost', async () => {
    await using room = await openRoom({ retryBudgetMs: 300, profile: { batchCallsMax: 2 } });
    await room.stage(calls(1, 5), calls(6, 9));
    room.receiver.misbehave({ kind: 'slow', ms: 1, times: 4 }, { kind: 'reset' });
    await failureOf(room.deliver());
    expect(room.positions.at(-1)).toMatchObject({ chunk: 1, delivered: 7 });
    expect(received(room)).toEqual(idsOf(1, 7));

    room.receiver.misbehave();
    const { position, done } = await room.deliver();
    expect(done).toBe(true);
    expect(position).toMatchObject({ chunk: 2, offset: 0, delivered: 9, failed: 0 });
    expect(received(room)).toEqual(idsOf(1, 9));
    expect(room.receiver.log.stats().received).toBe(9);
  });

  test('whose address nobody listens on is named with the reason', async () => {
    const nobody = new URL(await nobodyListens());
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = `http://${host}:${nobody.port}/v1`;
      await using room = await openRoom({ retryBudgetMs: 0, destination: { url } });
      await room.stage(calls(1, 1));
      const failure = await failureOf(room.deliver());
      expect(failure.code).toBe('destination_unavailable');
      expect(failure.message).toContain(`${url}/batch`);
      expect(failure.message).toContain('ECONNREFUSED');
    }
  });

  test('whose host name does not resolve is named with it', async () => {
    const url = 'http://cdp.rowcast.invalid/v1';
    await using room = await openRoom({ retryBudgetMs: 0, destination: { url } });
    await room.stage(calls(1, 1));
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_unavailable');
    expect(failure.message).toMatch(/(ENOTFOUND|EAI_AGAIN) cdp\.rowcast\.invalid/);
  });

  test('that never answers is given up with how long was waited', async () => {
    await using room = await openRoom({ retryBudgetMs: 0, timeoutMs: 300 });
    await room.stage(calls(1, 1));
    room.receiver.misbehave({ kind: 'silence' });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_unavailable');
    expect(failure.message).toContain('no answer within 300 ms');
  });
});

describe('a delivery that is cancelled', () => {
  test.each<[string, Fault]>([
    ['while a request is under way', { kind: 'silence' }],
    [
      'while it waits for a destination in trouble',
      { kind: 'answer', status: 429, headers: { 'retry-after': '9' } },
    ],
  ])('ends at once %s, and leaves the position where it was', async (_name, fault) => {
    await using room = await openRoom({ timeoutMs: 30_000 });
    await room.stage(calls(1, 3));
    room.receiver.misbehave(fault);
    const cancel = new AbortController();
    const delivery = failureOf(room.deliver({ signal: cancel.signal }));
    while (room.receiver.requests === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    cancel.abort(new Error('cancelled by the user'));
    expect((await delivery).message).toBe('cancelled by the user');
    expect(room.positions).toEqual([]);
  });
});

test('a delivery whose time is up hands back its position, and the next one goes on from there', async () => {
  await using room = await openRoom({ profile: { batchCallsMax: 2 } });
  await room.stage(calls(1, 4), calls(5, 6));
  const handedBack: number[] = [];
  let position = START;
  for (let done = false; !done;) {
    ({ position, done } = await room.deliver({ position, untilMs: 0 }));
    handedBack.push(position.delivered);
  }
  expect(handedBack).toEqual([2, 4, 6]);
  expect(received(room)).toEqual(idsOf(1, 6));
  expect(room.receiver.log.stats().received).toBe(6);
});
