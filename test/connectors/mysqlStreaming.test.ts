import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMysqlDatabase, MARIADB, PASSWORD } from './mysqlDatabase.ts';
import type { MysqlDatabase } from './mysqlDatabase.ts';
import { readInChild } from './readInChild.ts';
import { readAll, request } from './request.ts';

describe.skipIf(MARIADB.server === null)(MARIADB.name, () => {
  let database: MysqlDatabase;

  beforeAll(async () => {
    database = await createMysqlDatabase(MARIADB.server, 1_000_000);
  });

  afterAll(() => database.drop());

  const task = (sql: string) => ({ config: database.config(), password: PASSWORD, sql });

  /** How many bytes the server has sent to everybody. */
  async function bytesSent(): Promise<number> {
    const [row] = await database.rows("SHOW GLOBAL STATUS LIKE 'Bytes_sent'");
    return Number(row!['Value']);
  }

  test('a million rows, and rows of 100 KB, are read within forty megabytes of heap', async () => {
    const rows = (count: number, chars: number) =>
      `SELECT n, REPEAT('x', ${chars}) AS pad, n * 0.01 AS amount FROM numbers WHERE n <= ${count}`;
    for (const [count, chars] of [
      [1_000_000, 300],
      [3_000, 100_000],
    ] as const) {
      const reading = await readInChild(task(rows(count, chars)), ['--max-old-space-size=40']);
      expect(reading.rows).toBe(count);
    }
  });

  test('a reader that stops halts the server, even within a page of heavy rows', async () => {
    const source = await database.open();
    const before = await bytesSent();
    const { pages } = await source.query(
      request("SELECT n, REPEAT('x', 100000) AS pad FROM numbers WHERE n <= 4000"),
    );
    for await (const page of pages) {
      expect(page.length).toBeGreaterThan(0);
      // Time enough for a server that runs ahead to run far.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect((await bytesSent()) - before).toBeLessThan(100_000_000);
      break;
    }
    await source.close();
  });

  test('a reader that is slower than the server has patience for loses no row and no connection', async () => {
    await database.admin.query('SET GLOBAL net_write_timeout = 1');
    const source = await database.open();
    const { pages } = await source.query(
      request("SELECT n, REPEAT('x', 100000) AS pad FROM numbers WHERE n <= 400", { pageRows: 100 }),
    );
    let rows = 0;
    for await (const page of pages) {
      rows += page.length;
      if (rows <= 100) await new Promise((resolve) => setTimeout(resolve, 4_000));
    }
    await source.close();
    await database.admin.query('SET GLOBAL net_write_timeout = DEFAULT');
    expect(rows).toBe(400);
  });

  test('the time zone of the worker changes no value', async () => {
    const sql = `SELECT CAST('2026-01-01' AS DATE) AS a, CAST('2026-03-29 02:30:00' AS DATETIME) AS b,
      FROM_UNIXTIME(1782907200.123456) AS c, UNIX_TIMESTAMP('2026-07-01 12:00:00') AS d`;
    for (const zone of ['Pacific/Kiritimati', 'America/St_Johns', 'Europe/Berlin']) {
      const { firstRow } = await readInChild(task(sql), [], { TZ: zone });
      expect(firstRow).toEqual([
        '2026-01-01',
        '2026-03-29T02:30:00',
        '2026-07-01T12:00:00.123456',
        '1782907200',
      ]);
    }
  });

  test('settings of the server change no value and leave out no row', async () => {
    const settings = {
      time_zone: "'+09:00'",
      sql_select_limit: '2',
      character_set_client: 'latin1',
      character_set_results: 'latin1',
      character_set_connection: 'latin1',
      init_connect: "'SET NAMES latin1'",
    };
    for (const [name, value] of Object.entries(settings)) {
      await database.admin.query(`SET GLOBAL ${name} = ${value}`);
    }
    await database.admin.query('CREATE TABLE moments (at timestamp)');
    await database.admin.query("SET time_zone = '+00:00'");
    await database.admin.query("INSERT INTO moments VALUES ('2026-07-01 12:00:00')");
    const { firstRow } = await readInChild(task("SELECT at, '漢😀' AS text FROM moments"));
    const source = await database.open();
    const { rows } = await readAll(source, 'SELECT n FROM numbers WHERE n <= 5');
    await source.close();
    for (const name of Object.keys(settings)) {
      await database.admin.query(`SET GLOBAL ${name} = ${name === 'time_zone' ? "'SYSTEM'" : 'DEFAULT'}`);
    }
    expect(firstRow).toEqual(['2026-07-01T12:00:00Z', '漢😀']);
    expect(rows).toHaveLength(5);
  });

  test('a column may be called like a function, and an unquoted name keeps its capitals', async () => {
    const source = await database.open();
    const { columns } = await readAll(
      source,
      'SELECT 1 AS count, 2 AS userId, 3 AS now, 4 AS `cart.product_name` FROM numbers LIMIT 1',
    );
    await source.close();
    expect(columns.map(({ name }) => name)).toEqual(['count', 'userId', 'now', 'cart.product_name']);
  });
});
