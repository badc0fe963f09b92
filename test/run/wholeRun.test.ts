import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startEngine } from './engine.ts';

test('every row of a query arrives as one call, and the next run sends only what changed', async () => {
  await using engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people (id bigint PRIMARY KEY, email text, plan text, updated timestamptz NOT NULL DEFAULT now());
    INSERT INTO people SELECT n, 'p' || n || '@example.com', 'free', now() - interval '1 hour' FROM generate_series(1, 1000) n;
  `);
  const name = await engine.sync({
    query: `SELECT id AS "userId", email, plan FROM people WHERE extract(epoch FROM updated) > {{last_sync_time}}`,
  });

  const first = await engine.run(name);
  expect(first).toMatchObject({
    outcome: 'succeeded',
    rows: 1000,
    delivered: 1000,
    failed: 0,
    since: 0,
  });
  expect(engine.receiver.log.calls).toHaveLength(1000);
  expect(engine.receiver.log.violations).toEqual([]);

  await engine.sql.query(`UPDATE people SET plan = 'paid', updated = now() WHERE id <= 3`);
  // The run's second is read again by a query that compares fractions of seconds: let it pass.
  await sleep(1_100);
  const second = await engine.run(name);
  expect(second).toMatchObject({
    outcome: 'succeeded',
    rows: 3,
    delivered: 3,
    since: first.until,
    trigger: 'manual',
  });
  const changed = engine.receiver.log.calls.slice(1000);
  expect(changed.map((call) => call['userId']).sort()).toEqual(['1', '2', '3']);

  const third = await engine.run(name);
  expect(third).toMatchObject({ outcome: 'succeeded', rows: 0, delivered: 0 });
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(third.until);
});
