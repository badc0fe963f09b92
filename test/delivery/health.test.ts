import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Health } from '../../delivery/health.ts';
import type { Visit, Visitor } from '../../delivery/health.ts';
import { RowcastError } from '../../errors.ts';

/* Who goes on trying with a destination in trouble, who leaves, when, and for how long. */

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const visitor = (): Visitor => ({
  unavailable: (words, retryAfterMs) => new RowcastError('destination_unavailable', words, { retryAfterMs }),
});
const never = new AbortController().signal;

/** Lets time pass, and everything happen that follows from it. */
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1_000);

/** How a visit stands. */
async function stateOf(visit: Visit): Promise<'sends' | 'waits' | 'left'> {
  const admitted = visit.admitted().then(
    () => 'sends' as const,
    () => 'left' as const,
  );
  if (visit.signal.aborted) return 'left';
  return Promise.race([admitted, new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')))]);
}

const statesOf = (...visits: Visit[]) => Promise.all(visits.map(stateOf));

const restOf = ({ signal }: Visit) => (signal.reason as RowcastError).retryAfterMs;

/** A destination that is known to be well, with so many visitors on their way. */
async function wellWith(count: number): Promise<{ health: Health; visits: Visit[] }> {
  const health = new Health();
  using first = health.enter(visitor(), never);
  first.asks();
  first.isAnswered();
  const visits = Array.from({ length: count }, () => health.enter(visitor(), never));
  expect(await statesOf(...visits)).toEqual(visits.map(() => 'sends'));
  return { health, visits };
}

describe('of a destination that nothing was heard of lately', () => {
  test('the first visitor finds out with all its lanes, and the others come in with its answer', async () => {
    const health = new Health();
    const scout = visitor();
    const [lane, otherLane] = [health.enter(scout, never), health.enter(scout, never)];
    const other = health.enter(visitor(), never);
    lane.asks();
    expect(await statesOf(lane, otherLane, other)).toEqual(['sends', 'sends', 'waits']);
    await pass(0.5);
    lane.isAnswered();
    expect(await stateOf(other)).toBe('sends');
    expect(health.trouble).toBeNull();
  });

  test('the others leave after a second without an answer, and newcomers at once; the scout goes on', async () => {
    const health = new Health();
    const scout = health.enter(visitor(), never);
    scout.asks();
    const other = health.enter(visitor(), never);
    await pass(0.9);
    expect(await statesOf(scout, other)).toEqual(['sends', 'waits']);
    await pass(0.5);
    expect(await statesOf(scout, other, health.enter(visitor(), never))).toEqual(['sends', 'left', 'left']);
    expect(restOf(other)).toBeGreaterThanOrEqual(2_000);
    expect(restOf(other)).toBeLessThanOrEqual(3_000);
  });

  test('one of those who wait takes over where the scout goes without an answer', async () => {
    const health = new Health();
    const scout = health.enter(visitor(), never);
    const [second, third] = [health.enter(visitor(), never), health.enter(visitor(), never)];
    scout[Symbol.dispose]();
    expect(await statesOf(second, third)).toEqual(['sends', 'waits']);
  });

  test('what was heard long ago says nothing: whoever comes first may try, and the others wait for that', async () => {
    const { health, visits } = await wellWith(1);
    visits[0]?.asks();
    visits[0]?.hasFailed('HTTP 503', null);
    visits[0]?.[Symbol.dispose]();
    await pass(3_600);
    const [scout, other] = [health.enter(visitor(), never), health.enter(visitor(), never)];
    expect(await statesOf(scout, other)).toEqual(['sends', 'waits']);
    expect(health.trouble).toBeNull();
    scout.asks();
    scout.isAnswered();
    expect(await stateOf(other)).toBe('sends');
  });
});

describe('where requests fail', () => {
  test('all go on for two seconds, and then only the one that has been at it longest', async () => {
    const { health, visits } = await wellWith(3);
    for (const visit of visits) {
      visit.asks();
      visit.hasFailed('HTTP 503: down', null);
    }
    await pass(1.9);
    expect(await statesOf(...visits)).toEqual(['sends', 'sends', 'sends']);
    await pass(0.5);
    expect(await statesOf(...visits)).toEqual(['sends', 'left', 'left']);
    expect((visits[1]?.signal.reason as Error).message).toBe('HTTP 503: down');
    expect(health.trouble).toBe('HTTP 503: down');
  });

  test('one answered request ends the trouble for everybody', async () => {
    const { health, visits } = await wellWith(3);
    for (const visit of visits) {
      visit.asks();
      visit.hasFailed('HTTP 503', null);
    }
    await pass(1.5);
    visits[2]?.asks();
    visits[2]?.isAnswered();
    await pass(5);
    expect(await statesOf(...visits)).toEqual(['sends', 'sends', 'sends']);
    expect(health.troubleMs).toBe(0);
  });

  test('a single request that got lost among answered ones sends nobody away', async () => {
    const { visits } = await wellWith(3);
    const [lost, answered, other] = visits as [Visit, Visit, Visit];
    lost.asks();
    for (let seconds = 0; seconds < 30; seconds += 1) {
      answered.asks();
      await pass(1);
      answered.isAnswered();
    }
    lost.hasFailed('no answer within 30000 ms', null);
    await pass(1);
    expect(await statesOf(lost, answered, other)).toEqual(['sends', 'sends', 'sends']);
  });

  test('those who leave stay away for half as long as it has lasted, up to a minute, and a bit by chance', async () => {
    const { health, visits } = await wellWith(1);
    const rests: (number | undefined)[] = [];
    for (const seconds of [0, 5, 25, 270]) {
      await pass(seconds);
      visits[0]?.asks();
      visits[0]?.hasFailed('HTTP 503', null);
      rests.push(health.restMs());
    }
    for (const [index, least] of [2_000, 2_500, 15_000, 60_000].entries()) {
      expect(rests[index]).toBeGreaterThanOrEqual(least);
      expect(rests[index]).toBeLessThanOrEqual(least * 1.5 + 1);
    }
  });

  test('newcomers do not ask before a Retry-After is over, and are told to wait at least as long', async () => {
    const { health, visits } = await wellWith(1);
    visits[0]?.asks();
    visits[0]?.hasFailed('HTTP 429', 8_000);
    let failure: RowcastError | undefined;
    try {
      health.enter(visitor(), never);
    } catch (error) {
      failure = error as RowcastError;
    }
    expect(failure?.message).toBe('HTTP 429');
    expect(failure?.retryAfterMs).toBeGreaterThanOrEqual(8_000);
    visits[0]?.[Symbol.dispose]();
    await pass(8.1);
    expect(await stateOf(health.enter(visitor(), never))).toBe('sends');
  });
});

describe('where there is no answer', () => {
  test('all but one give their requests up after five seconds', async () => {
    const { health, visits } = await wellWith(3);
    for (const visit of visits) visit.asks();
    await pass(4.9);
    expect(await statesOf(...visits)).toEqual(['sends', 'sends', 'sends']);
    await pass(0.5);
    expect(await statesOf(...visits, health.enter(visitor(), never))).toEqual([
      'sends',
      'left',
      'left',
      'left',
    ]);
    expect(health.trouble).toBe('no answer so far');
  });

  test('a slow answer teaches to wait for twice as long, and quick ones make it be forgotten', async () => {
    const health = new Health();
    const teacher = health.enter(visitor(), never);
    teacher.asks();
    await pass(8);
    teacher.isAnswered();
    const slow = [teacher, health.enter(visitor(), never)];
    for (const visit of slow) visit.asks();
    await pass(15);
    expect(await statesOf(...slow)).toEqual(['sends', 'sends']);
    await pass(2);
    expect(await statesOf(...slow)).toEqual(['sends', 'left']);

    for (let times = 0; times < 30; times += 1) {
      teacher.asks();
      teacher.isAnswered();
    }
    const quick = [teacher, health.enter(visitor(), never)];
    for (const visit of quick) visit.asks();
    await pass(6);
    expect(await statesOf(...quick)).toEqual(['sends', 'left']);
  });

  test('a visitor alone is not sent away', async () => {
    const { visits } = await wellWith(1);
    visits[0]?.asks();
    await pass(600);
    expect(await statesOf(...visits)).toEqual(['sends']);
  });
});

test('who is cancelled leaves with the reason, before it comes in and while it waits', async () => {
  const health = new Health();
  const reason = new Error('cancelled by the user');
  expect(() => health.enter(visitor(), AbortSignal.abort(reason))).toThrow(reason);
  health.enter(visitor(), never);
  const cancel = new AbortController();
  const waiting = health.enter(visitor(), cancel.signal);
  cancel.abort(reason);
  await expect(waiting.admitted()).rejects.toBe(reason);
});

test('nothing is watched once everybody has gone', async () => {
  const { visits } = await wellWith(2);
  expect(vi.getTimerCount()).toBe(1);
  for (const visit of visits) visit[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});
