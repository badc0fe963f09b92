import { expect, test } from 'vitest';
import { startEngine } from './engine.ts';

const PEOPLE = 40;
const ROWS = 12_000;

test("a person's calls arrive in the query's order, through resets, refusals and answers that never came", async () => {
  await using engine = await startEngine({ env: { ROWCAST_SMALL_RUN_ROWS: '1000' } });
  const name = await engine.sync({
    type: 'track',
    query: `SELECT 'p' || n % ${PEOPLE} AS "userId", 'Step' AS event, n AS step, repeat('x', 400) AS note,
              CASE WHEN n % 997 = 0 THEN 'bad' END AS mark
            FROM generate_series(1, ${ROWS}) n ORDER BY n`,
  });
  engine.receiver.misbehave(
    { kind: 'reset', times: 2 },
    { kind: 'answer', status: 500, times: 2 },
    { kind: 'reset_after', times: 2 },
    { kind: 'answer', status: 429, headers: { 'retry-after': '0' }, times: 2 },
    { kind: 'silence', times: 1, afterTaking: true },
    { kind: 'answer', status: 503, afterTaking: true, times: 2 },
    { kind: 'answer', status: 400, body: 'one of them is bad', times: 3 },
  );
  const ended = await engine.run(name);
  expect(ended).toMatchObject({ outcome: 'succeeded', rows: ROWS, delivered: ROWS, failed: 0 });

  const { calls, violations } = engine.receiver.log;
  expect(violations).toEqual([]);
  expect(calls).toHaveLength(ROWS);
  const steps = Map.groupBy(calls, ({ userId }) => userId);
  expect(steps.size).toBe(PEOPLE);
  for (const ofPerson of steps.values()) {
    const order = ofPerson.map((call) => (call['properties'] as { step: number }).step);
    expect(order).toEqual(order.toSorted((left, right) => left - right));
  }
  expect(engine.receiver.log.stats().received).toBeGreaterThan(ROWS);
});
