import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Windows that overlap on purpose: a buffer in the query, and `lookback`. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE events AS
    SELECT n AS id, 'p' || (n % 3) AS person, now() - interval '1 minute' AS at FROM generate_series(1, 10) n`);
});
afterAll(() => engine[Symbol.asyncDispose]());

const SINCE = 'FROM events WHERE extract(epoch FROM at) > {{last_sync_time}}';
const idsSince = (from: number) => engine.receiver.log.calls.slice(from).map(({ messageId }) => messageId);

test('messageIdFrom gives a row of a buffer the same messageId in the next window, and another row another', async () => {
  const name = await engine.sync({
    name: 'buffered',
    type: 'track',
    messageIdFrom: ['id'],
    query: `SELECT id, person AS "userId", 'Bought' AS event, at AS timestamp ${SINCE} - 300`,
  });
  const first = await engine.run(name);
  expect(first).toMatchObject({ outcome: 'succeeded', rows: 10, delivered: 10 });
  const ids = idsSince(0);
  expect(new Set(ids).size).toBe(10);

  await engine.sql.query(`INSERT INTO events VALUES (11, 'p1', now())`);
  const second = await engine.run(name);
  expect(second).toMatchObject({ outcome: 'succeeded', rows: 11, delivered: 11, since: first.until });
  // The receiver forgets what comes again under its id, and would complain if its content were another.
  expect(engine.receiver.log.stats()).toMatchObject({ received: 21, distinct: 11, violations: [] });
  expect(idsSince(0).slice(0, 10)).toEqual(ids);
});

test('without messageIdFrom the rows of a buffer are sent under other messageIds', async () => {
  const before = engine.receiver.log.calls.length;
  const name = await engine.sync({
    name: 'unbuffered',
    type: 'track',
    query: `SELECT id, person AS "userId", 'Bought' AS event, at AS timestamp ${SINCE} - 300`,
  });
  await engine.run(name);
  await engine.run(name);
  expect(new Set(idsSince(before)).size).toBe(22);
});

test('lookback is taken off last_sync_time, which itself stays the second of the run, and never goes below 0', async () => {
  const query = `SELECT id AS "userId", {{last_sync_time}} AS since ${SINCE}`;
  const name = await engine.sync({ name: 'late', query, lookback: '5 minutes' });
  const before = engine.receiver.log.calls.length;
  const first = await engine.run(name);
  expect(first).toMatchObject({ outcome: 'succeeded', since: 0, rows: 11 });
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(first.until);

  // A transaction that began before the run, and committed after it.
  await engine.sql.query(`INSERT INTO events VALUES (12, 'p2', now() - interval '2 minutes')`);
  const second = await engine.run(name);
  const since = (first.until ?? 0) - 300;
  expect(second).toMatchObject({ outcome: 'succeeded', since, rows: 12 });
  const calls = engine.receiver.log.calls.slice(before + 11);
  expect(calls.map(({ userId }) => userId)).toContain('12');
  expect(calls[0]?.['traits']).toEqual({ since });
  expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(second.until);

  await engine.sync({ name: 'late', query });
  expect(await engine.run(name)).toMatchObject({ since: second.until, rows: 0 });
});
