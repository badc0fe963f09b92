import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMysqlDatabase, MARIADB, PASSWORD } from '../connectors/mysqlDatabase.ts';
import type { MysqlDatabase } from '../connectors/mysqlDatabase.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine, SyncFields } from './engine.ts';
import { sent } from './sent.ts';

/* Whole runs from MySQL's side, with the queries that a user of such products knows. */

const TABLES = [
  `CREATE TABLE my_people (id int PRIMARY KEY, email varchar(100), first_name varchar(100),
    created datetime, last_updated timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY (last_updated))`,
  `INSERT INTO my_people VALUES (1, 'ada@example.com', 'Ada 漢😀', '2026-01-31 08:15:00', NOW() - INTERVAL 1 DAY),
    (2, 'bob@example.com', '', NULL, NOW() - INTERVAL 1 DAY)`,
  'CREATE TABLE companies (id int, name text, job_title text, primary_contact boolean)',
  "INSERT INTO companies VALUES (7, 'Acme', 'Engineer', TRUE)",
  'CREATE TABLE orders (person int, product text, quantity int, amount decimal(20,2), total bigint unsigned)',
  "INSERT INTO orders VALUES (1, 'T-shirt', 2, 19.90, 18446744073709551615)",
];

describe.skipIf(MARIADB.server === null)(MARIADB.name, () => {
  let database: MysqlDatabase;
  let engine: Engine;

  beforeAll(async () => {
    database = await createMysqlDatabase(MARIADB.server, 20_000);
    for (const sql of TABLES) await database.admin.query(sql);
    engine = await startEngine({ env: { ROWCAST_SECRET_READER: PASSWORD, TZ: 'America/St_Johns' } });
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await database.drop();
  });

  const sync = (fields: SyncFields) => engine.sync({ ...fields, source: database.config() });

  test('people are sent whole at first, then those who changed, by UNIX_TIMESTAMP', async () => {
    const name = await sync({
      name: 'people',
      query: `SELECT id AS userId, email, first_name, created AS created_at
FROM my_people
WHERE UNIX_TIMESTAMP(last_updated) > {{last_sync_time}}`,
    });
    expect(await sent(engine, name)).toMatchObject([
      {
        type: 'identify',
        userId: '1',
        traits: { email: 'ada@example.com', first_name: 'Ada 漢😀', created_at: '2026-01-31T08:15:00Z' },
      },
      { userId: '2', traits: { email: 'bob@example.com', first_name: '', created_at: null } },
    ]);
    await database.admin.query("UPDATE my_people SET first_name = 'Bob' WHERE id = 2");
    expect(await sent(engine, name)).toMatchObject([{ userId: '2', traits: { first_name: 'Bob' } }]);
    expect(await sent(engine, name)).toEqual([]);
  });

  test('rows of a buffer before the last sync time keep their messageId', async () => {
    await database.admin.query('CREATE TABLE events AS SELECT * FROM my_people');
    await database.admin.query('UPDATE events SET last_updated = NOW() - INTERVAL 1 MINUTE');
    const query = `SELECT id AS userId, 'Seen' AS event, last_updated AS timestamp FROM events
WHERE UNIX_TIMESTAMP(last_updated) >= {{last_sync_time}} - 300`;
    const name = await sync({ name: 'buffer', type: 'track', query, messageIdFrom: ['userId'] });
    const before = engine.receiver.log.stats();
    for (let round = 1; round <= 2; round += 1) {
      expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 2 });
    }
    const { received, distinct } = engine.receiver.log.stats();
    expect([received - before.received, distinct - before.distinct]).toEqual([4, 2]);
  });

  test('an object that JSON_OBJECT builds nests, and so does a name with a dot in quotes', async () => {
    const groups = await sync({
      name: 'companies',
      type: 'group',
      query: `SELECT
id as groupId,
name,
json_object(
'job_title', job_title,
'primary_contact', primary_contact
) as relationshipAttributes
FROM companies`,
    });
    expect(await sent(engine, groups)).toMatchObject([
      {
        groupId: '7',
        traits: { name: 'Acme', relationshipAttributes: { job_title: 'Engineer', primary_contact: 1 } },
      },
    ]);
    const orders = await sync({
      name: 'orders',
      type: 'track',
      query: `SELECT person AS userId, 'Order placed' AS event, product AS 'cart.product_name',
        quantity AS 'cart.quantity', amount, total FROM orders`,
    });
    expect(await sent(engine, orders)).toMatchObject([
      {
        properties: {
          cart: { product_name: 'T-shirt', quantity: 2 },
          amount: 19.9,
          total: '18446744073709551615',
        },
      },
    ]);
  });

  test('a run whose connection is killed in mid-read goes on, and nothing is lost or sent twice', async () => {
    const query = `SELECT n AS userId, IF(n % 1000 = 0, SLEEP(0.1), 0) AS slept FROM numbers ORDER BY n`;
    const name = await sync({ name: 'killed', query });
    const before = engine.receiver.log.stats();
    const { run } = await engine.rowcast.syncs.run(name);
    await until(async () => (await database.connections()).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await database.killConnections();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({
      outcome: 'succeeded',
      rows: 20_000,
      delivered: 20_000,
    });
    const { received, distinct } = engine.receiver.log.stats();
    expect({ received, distinct }).toEqual({
      received: before.received + 20_000,
      distinct: before.distinct + 20_000,
    });
  });

  test('a cancelled run leaves no statement on the server', async () => {
    const name = await sync({ name: 'cancelled', query: 'SELECT SLEEP(60) AS userId' });
    const { run } = await engine.rowcast.syncs.run(name);
    await until(async () => (await database.connections()).length > 0);
    await engine.cancel(run);
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'cancelled' });
    await until(async () => (await database.connections()).length === 0);
  });

  test('the connection is tried out step by step', async () => {
    await sync({ name: 'tried', query: 'SELECT 1 AS userId' });
    const [integration] = await Array.fromAsync(engine.rowcast.integrations.list());
    const { ok, steps } = await engine.rowcast.integrations.test(integration!.definition.name);
    expect(ok).toBe(true);
    expect(steps.map(({ step }) => step)).toEqual([
      ...['name found', 'port open', 'TLS', 'login', 'only reading', 'clock'],
    ]);
    expect(steps[3]?.words).toContain(`database ${database.name}`);
  });
});
