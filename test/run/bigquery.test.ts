import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBigqueryDatabase, PEER } from '../connectors/bigqueryDatabase.ts';
import type { BigqueryDatabase } from '../connectors/bigqueryDatabase.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine, SyncFields } from './engine.ts';
import { sent } from './sent.ts';

/* Whole runs from BigQuery's side, with the queries that a user of such products knows. */

const TABLES = [
  'CREATE TABLE people (id INT64, email STRING, first_name STRING, last_updated TIMESTAMP)',
  `INSERT INTO people VALUES (1, 'ada@example.com', 'Ada 漢😀', TIMESTAMP '2026-01-31 08:15:00+00'),
    (2, 'bob@example.com', NULL, TIMESTAMP '2026-01-31 08:15:00+00')`,
];

/** Counts in steps, which local-bigquery does at some thousands a second. */
const SLOW = `WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5000)
SELECT n AS userId FROM r WHERE n <= 3 ORDER BY n`;

describe.skipIf(!PEER.isThere)(PEER.name, () => {
  let database: BigqueryDatabase;
  let engine: Engine;

  beforeAll(async () => {
    database = await openBigqueryDatabase(PEER);
    for (const sql of TABLES) await database.rows(sql);
    engine = await startEngine({ env: { TZ: 'America/St_Johns' } });
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await database.stop();
  });

  const sync = (fields: SyncFields) => engine.sync({ ...fields, source: database.config() });

  test('people are sent whole at first, then those who changed, by UNIX_SECONDS', async () => {
    const name = await sync({
      name: 'people',
      query: `SELECT id AS userId, email, first_name
FROM people
WHERE UNIX_SECONDS(last_updated) > {{last_sync_time}}`,
    });
    expect(await sent(engine, name)).toMatchObject([
      { type: 'identify', userId: '1', traits: { email: 'ada@example.com', first_name: 'Ada 漢😀' } },
      { userId: '2', traits: { email: 'bob@example.com', first_name: null } },
    ]);
    await database.rows(
      "UPDATE people SET first_name = 'Bob', last_updated = CURRENT_TIMESTAMP() WHERE id = 2",
    );
    expect(await sent(engine, name)).toMatchObject([{ userId: '2', traits: { first_name: 'Bob' } }]);
    expect(await sent(engine, name)).toEqual([]);
  });

  test('a STRUCT nests, and so does an object that JSON_OBJECT builds', async () => {
    const name = await sync({
      name: 'companies',
      type: 'group',
      query: `SELECT 7 AS userId, 'acme' AS groupId, JSON_OBJECT('job_title', 'Engineer') AS relationshipAttributes,
  STRUCT('T-shirt' AS product_name, 9007199254740993 AS quantity) AS cart`,
    });
    expect(await sent(engine, name)).toMatchObject([
      {
        groupId: 'acme',
        traits: { relationshipAttributes: { job_title: 'Engineer' }, cart: { product_name: 'T-shirt' } },
      },
    ]);
  });

  test('a worker that is killed while BigQuery works leaves its job to the next, and no second one is paid for', async () => {
    const name = await sync({ name: 'killed', query: SLOW });
    const before = (await database.jobs()).length;
    const { run } = await engine.rowcast.syncs.run(name);
    await until(async () => (await database.jobs()).length > before);
    // The job's id is known to Temporal with the next heartbeat.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await engine.killWorker();
    engine.startWorker();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 3 });
    expect((await database.jobs()).length).toBe(before + 1);
  });

  test('a cancelled run leaves no job at work', async () => {
    const endless = SLOW.replace('5000', '100000000');
    const name = await sync({ name: 'cancelled', query: endless });
    const { run } = await engine.rowcast.syncs.run(name);
    const running = async () => (await database.jobs()).some(({ state }) => state !== 'DONE');
    await until(running);
    await engine.cancel(run);
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'cancelled' });
    await until(async () => !(await running()));
  });

  test('the connection is tried out step by step', async () => {
    await sync({ name: 'tried', query: 'SELECT 1 AS userId' });
    const [integration] = await Array.fromAsync(engine.rowcast.integrations.list());
    const { ok, steps } = await engine.rowcast.integrations.test(integration!.definition.name);
    expect({ ok, steps: steps.map(({ ok: isOk }) => isOk) }).toEqual({ ok: true, steps: [true, true, true] });
    expect(steps[0]?.words).toContain('rowcast-test.shop');
  });
});
