import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, PASSWORD } from './postgresDatabase.ts';
import type { TestDatabase } from './postgresDatabase.ts';
import { readInChild } from './readInChild.ts';
import { request } from './request.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(() => database.drop());

function task(sql: string) {
  return { config: database.config(), password: PASSWORD, sql };
}

/** How many rows the server has computed of a query that takes a lock of its own for each. */
async function computed(): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid = 7",
  );
  return rows[0]!.n;
}

/** Forty megabytes, and as much for young objects as workers have: V8 would promote what fills more, garbage or not. */
const HEAP = ['--max-old-space-size=40', '--max-semi-space-size=8'];

test('three hundred thousand rows, and rows of 100 KB, are read within forty megabytes of heap', async () => {
  const rows = (count: number, chars: number) =>
    `SELECT n, repeat('x', ${chars}) AS pad, n * 0.01 AS amount FROM generate_series(1, ${count}) AS n`;
  for (const [count, chars] of [
    [300_000, 1_000],
    [3_000, 100_000],
  ] as const) {
    const reading = await readInChild(task(rows(count, chars)), HEAP);
    expect(reading.rows).toBe(count);
  }
});

test('the server computes no more rows than are asked for', async () => {
  const source = await database.open();
  const sql = 'SELECT n, pg_advisory_lock_shared(7, n) FROM generate_series(1, 8000) AS n';
  const { pages } = await source.query(request(sql, { pageRows: 50 }));
  let read = 0;
  for await (const page of pages) {
    read += page.length;
    expect(await computed()).toBeLessThanOrEqual(read + 50);
    if (read >= 500) break;
  }
  await source.close();
  expect(read).toBe(500);
});

test('a reader that stops halts the server, even within a page of heavy rows', async () => {
  const source = await database.open();
  const sql = `SELECT n, repeat('x', 100000) AS pad, pg_advisory_lock_shared(7, n)
    FROM generate_series(1, 4000) AS n`;
  const { pages } = await source.query(request(sql));
  for await (const page of pages) {
    expect(page.length).toBeGreaterThan(0);
    // Time enough for a server that runs ahead to run far.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await computed()).toBeLessThan(1_000);
    break;
  }
  await source.close();
});

test('the time zone of the worker changes no value', async () => {
  const sql = `SELECT '2026-01-01'::date AS a, '2026-03-29 02:30:00'::timestamp AS b,
    '2026-07-01 12:00:00.123456+00'::timestamptz AS c, ARRAY['1900-01-01'::date] AS d,
    ARRAY['2026-01-01 00:00:00'::timestamptz] AS e`;
  for (const zone of ['Pacific/Kiritimati', 'America/St_Johns', 'Europe/Berlin']) {
    const { firstRow } = await readInChild(task(sql), [], { TZ: zone, PGTZ: zone });
    expect(firstRow).toEqual([
      '2026-01-01',
      '2026-03-29T02:30:00',
      '2026-07-01T12:00:00.123456Z',
      '["1900-01-01"]',
      '["2026-01-01T00:00:00Z"]',
    ]);
  }
});

test('settings of the server, the database and the role change no value', async () => {
  const settings = {
    TimeZone: "'Asia/Tokyo'",
    DateStyle: "'German, DMY'",
    IntervalStyle: "'sql_standard'",
    bytea_output: "'escape'",
    extra_float_digits: '-15',
    client_encoding: "'LATIN1'",
    default_transaction_read_only: 'off',
    standard_conforming_strings: 'on',
  };
  for (const [name, value] of Object.entries(settings)) {
    await database.admin.query(`ALTER ROLE ${database.role} SET ${name} TO ${value}`);
  }
  const { firstRow } = await readInChild(
    task(`SELECT '2026-07-01 12:00:00+00'::timestamptz AS a, '1 day 2 hours'::interval AS b,
      to_json('\\x00ff'::bytea) AS c, 0.1::float8 + 0.2 AS d, '漢😀' AS e, '2026-07-01'::date AS f`),
    [],
    { PGCLIENTENCODING: 'LATIN1', PGDATESTYLE: 'SQL' },
  );
  expect(firstRow).toEqual([
    '2026-07-01T12:00:00Z',
    'P1DT2H',
    '"\\\\x00ff"',
    '0.30000000000000004',
    '漢😀',
    '2026-07-01',
  ]);
});
