import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ImportRecord } from '../../client/index.ts';
import type { Fault } from '../../dev/receiver/fault.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import { selfSigned } from '../delivery/certificate.ts';
import { nobodyListens } from '../delivery/nobodyListens.ts';
import { startEngine, WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';

/* Every trouble that a destination can be in, through a whole run: what arrives, in which order, and what is said. */

const ROWS = 900;
const PEOPLE = 30;
/** Large enough for several requests of each lane. */
const QUERY = `SELECT 'p' || n % ${PEOPLE} AS "userId", 'Step' AS event, n AS step, repeat('x', 4000) AS note
  FROM generate_series(1, ${ROWS}) n ORDER BY n`;

let engine: Engine;
let syncs = 0;
beforeAll(async () => {
  engine = await startEngine({ env: { ROWCAST_DELIVER_MS: '1000', ROWCAST_PROGRESS_MS: '200' } });
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(() => engine.receiver.misbehave());

const newSync = (fields: Record<string, unknown> = {}) => {
  syncs += 1;
  return engine.sync({ name: `trouble-${syncs}`, type: 'track', query: QUERY, ...fields });
};

/** The calls that arrived while a task was at work. */
async function arrivedDuring<Result>(
  task: () => Promise<Result>,
): Promise<{ result: Result; calls: readonly Record<string, unknown>[] }> {
  const before = engine.receiver.log.calls.length;
  const result = await task();
  return { result, calls: engine.receiver.log.calls.slice(before) };
}

function expectEachOnceInOrder(calls: readonly Record<string, unknown>[], rows = ROWS): void {
  expect(calls).toHaveLength(rows);
  expect(new Set(calls.map(({ messageId }) => messageId)).size).toBe(rows);
  expect(engine.receiver.log.violations).toEqual([]);
  for (const ofPerson of Map.groupBy(calls, ({ userId }) => userId).values()) {
    const steps = ofPerson.map((call) => (call['properties'] as { step: number }).step);
    expect(steps).toEqual(steps.toSorted((left, right) => left - right));
  }
}

const inAMoment = () => new Date(Date.now() + 1_500).toUTCString();

describe('a run gets every row across, each once and in order, by a destination that', () => {
  const troubles: [string, () => Fault[]][] = [
    [
      'answers 429 with Retry-After in seconds',
      () => [{ kind: 'answer', status: 429, headers: { 'retry-after': '1' }, times: 2 }],
    ],
    [
      'answers 429 with Retry-After as a date',
      () => [{ kind: 'answer', status: 429, headers: { 'retry-after': inAMoment() }, times: 2 }],
    ],
    ['answers 429 without Retry-After', () => [{ kind: 'answer', status: 429, times: 5 }]],
    [
      'answers 500, 502, 503 and 504',
      () => [500, 502, 503, 504].map((status) => ({ kind: 'answer', status, times: 2 }) as const),
    ],
    ['answers 500 with garbage', () => [{ kind: 'answer', status: 500, body: '\u0000}{"<', times: 3 }]],
    ['breaks connections before it has read the requests', () => [{ kind: 'reset', times: 5 }]],
    ['breaks connections after it has taken the requests', () => [{ kind: 'reset_after', times: 5 }]],
    ['does not answer some requests', () => [{ kind: 'silence', times: 2 }]],
    [
      'does not answer some requests that it has taken',
      () => [{ kind: 'silence', afterTaking: true, times: 2 }],
    ],
    ['answers slowly', () => [{ kind: 'slow', ms: 1_200, times: 4 }]],
    [
      'answers 200 with garbage',
      () => [{ kind: 'answer', status: 200, body: 'O\u0000K }{', afterTaking: true, times: 3 }],
    ],
  ];
  test.each(troubles)('%s', async (_what, faults) => {
    const name = await newSync();
    engine.receiver.misbehave({ kind: 'slow', ms: 1, times: 1 }, ...faults());
    const { result, calls } = await arrivedDuring(() => engine.run(name));
    expect(result).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0 });
    expectEachOnceInOrder(calls);
  });
});

describe('a run that the destination will not have stops at once, says what to do, and its repeat has every row', () => {
  const refusals: [string, () => Promise<Record<string, unknown>>, Fault[], string[]][] = [
    ...(
      [
        [401, 'Check its write key'],
        [402, 'see to its plan or its bill'],
        [403, 'the rights of its account'],
        [404, 'Check its `url` and `region`'],
      ] as const
    ).map(([status, advice]): (typeof refusals)[number] => [
      `answers ${status}`,
      () => Promise.resolve({}),
      [{ kind: 'answer', status, body: 'not for you' }],
      [`HTTP ${status}: not for you`, advice],
    ]),
    [
      'answers with a web page',
      () => Promise.resolve({ kind: 'http', requestsPerSecond: 100 }),
      [{ kind: 'answer', status: 200, body: '<!doctype html><title>Sign in</title>' }],
      ['this is a web page, so its URL is not that of an API'],
    ],
  ];
  test.each(refusals)('because it %s', async (_what, destination, faults, words) => {
    const name = await newSync({ destination: await destination() });
    engine.receiver.misbehave(...faults);
    const asked = engine.receiver.requests;
    const { result, calls } = await arrivedDuring(() => engine.run(name));
    expectRefused(result, words);
    expect(calls).toEqual([]);
    // One request for each lane at most: nothing is tried again.
    expect(engine.receiver.requests - asked).toBeLessThanOrEqual(4);
    await expectRepeatOf(name);
  });

  test('because its certificate is not trusted', async () => {
    const untrusted = await Receiver.start({ writeKey: WRITE_KEY, tls: selfSigned() });
    try {
      const name = await newSync({ destination: { url: untrusted.url } });
      const failed = await engine.run(name);
      expectRefused(failed, ['its certificate is not trusted', 'NODE_EXTRA_CA_CERTS']);
      expect(untrusted.requests).toBe(0);
      await engine.sync({ name: `trouble-${syncs}`, type: 'track', query: QUERY });
      await expectRepeatOf(name);
    } finally {
      await untrusted.stop();
    }
  });
});

function expectRefused(record: ImportRecord, words: readonly string[]): void {
  expect(record).toMatchObject({
    outcome: 'failed',
    errorCode: 'destination_refused',
    delivered: 0,
    since: 0,
  });
  for (const part of ['The destination to-', '/v1/batch', ...words, 'repeats with the next run']) {
    expect(record.error).toContain(part);
  }
}

/** The same window, whole, once the trouble is over. */
async function expectRepeatOf(name: string): Promise<void> {
  engine.receiver.misbehave();
  const { result, calls } = await arrivedDuring(() => engine.run(name));
  expect(result).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0, since: 0 });
  expectEachOnceInOrder(calls);
}

describe('a destination that is down', () => {
  test('for longer than delivery itself tries, is waited for in words, and gets every row once it is up again', async () => {
    const name = await newSync();
    engine.receiver.misbehave(
      { kind: 'slow', ms: 1, times: 5 },
      { kind: 'answer', status: 503, body: 'back in a minute' },
    );
    const received = engine.receiver.log.stats().received;
    const { result, calls } = await arrivedDuring(async () => {
      const { run } = await engine.rowcast.syncs.run(name);
      let inDelivery: string | null = null;
      let inTemporal: string | null = null;
      for await (const { trouble } of engine.rowcast.imports.watch(run)) {
        if (trouble?.startsWith('the destination') === true) inDelivery ??= trouble;
        if (trouble?.startsWith('The destination') === true) inTemporal ??= trouble;
        // The activity has given up, and Temporal waits.
        if (inTemporal !== null) break;
      }
      expect(inDelivery).toMatch(/^the destination to-.*: HTTP 503: back in a minute/);
      expect(inTemporal).toMatch(/cannot take calls now: HTTP 503: back in a minute\. The run tries again\./);
      engine.receiver.misbehave();
      return engine.rowcast.imports.wait(run);
    });
    expect(result).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0 });
    expectEachOnceInOrder(calls);
    // Nothing that was acknowledged before is sent again.
    expect(engine.receiver.log.stats().received - received).toBe(ROWS);
  });

  test('right after it has acknowledged some calls, is not sent those again', async () => {
    // One person's calls share a lane, so nothing else is under way when delivery gives up at once.
    const name = await newSync({ query: QUERY.replace(`n % ${PEOPLE}`, '1') });
    const leaveMeAlone = { kind: 'answer', status: 429, headers: { 'retry-after': '4' }, times: 1 } as const;
    engine.receiver.misbehave({ kind: 'slow', ms: 1, times: 5 }, leaveMeAlone);
    const { received } = engine.receiver.log.stats();
    const { result, calls } = await arrivedDuring(() => engine.run(name));
    expect(result).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0 });
    expectEachOnceInOrder(calls);
    expect(engine.receiver.log.stats().received - received).toBe(ROWS);
  });

  const deaths: [string, () => Promise<Record<string, unknown>>, Fault[], RegExp][] = [
    [
      'answers 500',
      () => Promise.resolve({}),
      [
        { kind: 'slow', ms: 1, times: 2 },
        { kind: 'answer', status: 500, body: 'out of order' },
      ],
      /HTTP 500: out of order/,
    ],
    ['never answers', () => Promise.resolve({}), [{ kind: 'silence' }], /no answer (within 3000 ms|so far)/],
    ['refuses connections', async () => ({ url: await nobodyListens() }), [], /ECONNREFUSED/],
    [
      'has a name that does not resolve',
      () => Promise.resolve({ url: 'http://cdp.rowcast.invalid/v1' }),
      [],
      /(ENOTFOUND|EAI_AGAIN) cdp\.rowcast\.invalid/,
    ],
    [
      'wants to be left alone for longer than that',
      () => Promise.resolve({}),
      [{ kind: 'answer', status: 429, headers: { 'retry-after': '3600' }, body: 'quota' }],
      /HTTP 429: quota/,
    ],
  ];
  test.each(deaths)(
    'for longer than `giveUpAfter`, because it %s, fails the run with its last words, and the window repeats with the same ids',
    async (_what, destination, faults, words) => {
      const name = await newSync({ giveUpAfter: '4 seconds', destination: await destination() });
      engine.receiver.misbehave(...faults);
      const first = await arrivedDuring(() => engine.run(name));
      expect(first.result).toMatchObject({ outcome: 'failed', errorCode: 'gave_up', rows: ROWS, since: 0 });
      expect(first.result.error).toMatch(/The run gave up.*4 seconds.*The last try ended with: /s);
      expect(first.result.error).toMatch(words);
      expect(first.result.delivered).toBe(first.calls.length);
      expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);

      engine.receiver.misbehave();
      await engine.sync({ name: `trouble-${syncs}`, type: 'track', query: QUERY });
      const repeat = await arrivedDuring(() => engine.run(name));
      expect(repeat.result).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, since: 0 });
      expectEachOnceInOrder([...first.calls, ...repeat.calls]);
    },
  );
});
