import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMssqlDatabase, OWN, PASSWORD } from '../connectors/mssqlDatabase.ts';
import type { MssqlDatabase } from '../connectors/mssqlDatabase.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine, SyncFields } from './engine.ts';
import { sent } from './sent.ts';

/* Whole runs from SQL Server's side, with the queries that a user of such products knows. */

const TABLES = [
  `CREATE TABLE ms_people (id int PRIMARY KEY, email varchar(100), first_name nvarchar(100), created datetime2(0),
    last_updated datetime2 NOT NULL)`,
  `INSERT INTO ms_people VALUES
    (1, 'ada@example.com', N'Ada 漢😀', '2026-01-31 08:15:00', DATEADD(day, -1, SYSUTCDATETIME())),
    (2, 'bob@example.com', N'', NULL, DATEADD(day, -1, SYSUTCDATETIME()))`,
  'CREATE TABLE companies (id int, name nvarchar(100), job_title nvarchar(100), primary_contact bit)',
  "INSERT INTO companies VALUES (7, 'Acme', 'Engineer', 1)",
  'CREATE TABLE orders (person int, product nvarchar(100), quantity int, amount money, total decimal(38,0))',
  "INSERT INTO orders VALUES (1, 'T-shirt', 2, 19.90, 18446744073709551615)",
];

describe.skipIf(OWN.server === null)(`runs from ${OWN.name}`, () => {
  let database: MssqlDatabase;
  let engine: Engine;

  beforeAll(async () => {
    database = await createMssqlDatabase(OWN.server, 20_000);
    for (const sql of TABLES) await database.admin.rows(sql);
    for (const table of ['ms_people', 'companies', 'orders']) {
      await database.admin.rows(`GRANT SELECT ON ${table} TO ${database.reader}`);
    }
    engine = await startEngine({ env: { ROWCAST_SECRET_READER: PASSWORD, TZ: 'America/St_Johns' } });
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await database.drop();
  });

  const sync = (fields: SyncFields) => engine.sync({ ...fields, source: database.config() });

  test('people are sent whole at first, then those who changed, by DATEDIFF_BIG', async () => {
    const name = await sync({
      name: 'people',
      query: `SELECT id AS userId, email, first_name, created AS created_at
FROM ms_people
WHERE DATEDIFF_BIG(second, '1970-01-01', last_updated) > {{last_sync_time}}`,
    });
    expect(await sent(engine, name)).toMatchObject([
      {
        type: 'identify',
        userId: '1',
        traits: { email: 'ada@example.com', first_name: 'Ada 漢😀', created_at: '2026-01-31T08:15:00Z' },
      },
      { userId: '2', traits: { email: 'bob@example.com', first_name: '', created_at: null } },
    ]);
    await database.admin.rows(
      "UPDATE ms_people SET first_name = 'Bob', last_updated = SYSUTCDATETIME() WHERE id = 2",
    );
    expect(await sent(engine, name)).toMatchObject([{ userId: '2', traits: { first_name: 'Bob' } }]);
    expect(await sent(engine, name)).toEqual([]);
  });

  test('a column that stands alone is compared with a moment of the last sync time', async () => {
    const name = await sync({
      name: 'indexed',
      query: `SELECT id AS userId FROM ms_people
WHERE last_updated >= DATEADD(second, {{last_sync_time}} + 1, CAST('1970-01-01' AS datetime2))`,
    });
    expect(await sent(engine, name)).toHaveLength(2);
    expect(await sent(engine, name)).toEqual([]);
  });

  test('an object that FOR JSON PATH builds nests, and so does a name with a dot in brackets', async () => {
    const groups = await sync({
      name: 'companies',
      type: 'group',
      query: `SELECT
id as groupId,
name,
(SELECT job_title, primary_contact FOR JSON PATH, WITHOUT_ARRAY_WRAPPER) as relationshipAttributes
FROM companies`,
    });
    const [group] = await sent(engine, groups);
    expect(group).toMatchObject({
      groupId: '7',
      traits: { name: 'Acme', relationshipAttributes: { job_title: 'Engineer' } },
    });
    const orders = await sync({
      name: 'orders',
      type: 'track',
      query: `SELECT person AS userId, 'Order placed' AS event, product AS [cart.product_name],
        quantity AS [cart.quantity], amount, total FROM orders`,
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
    const query = `SELECT n AS userId, (SELECT COUNT(*) FROM numbers b WHERE b.n % 7 = a.n % 7) AS alike
      FROM numbers a WHERE n <= 1000 ORDER BY n`;
    const name = await sync({ name: 'killed', query });
    const before = engine.receiver.log.stats();
    const { run } = await engine.rowcast.syncs.run(name);
    await until(async () => (await database.connections()).includes(true));
    // Past the login, whose loss Babelfish words as any other error.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await database.killConnections();
    expect(await engine.rowcast.imports.wait(run)).toMatchObject({
      outcome: 'succeeded',
      rows: 1_000,
      delivered: 1_000,
    });
    const { received, distinct } = engine.receiver.log.stats();
    expect([received - before.received, distinct - before.distinct]).toEqual([1_000, 1_000]);
  });

  test('a cancelled run leaves no statement on the server', async () => {
    const query = `SELECT COUNT_BIG(*) AS userId FROM numbers a CROSS JOIN numbers b CROSS JOIN numbers c
      WHERE CAST(a.n AS bigint) * b.n * c.n = 8`;
    const name = await sync({ name: 'cancelled', query });
    const { run } = await engine.rowcast.syncs.run(name);
    await until(async () => (await database.connections()).includes(true));
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
    expect(steps[4]?.words).toContain('in a transaction that was rolled back');
  });
});
