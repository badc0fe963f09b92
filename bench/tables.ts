import type { Connection } from 'mysql2/promise';
import type pg from 'pg';

export type Database = 'postgres' | 'mariadb';

/** Which rows are moved. */
export interface TableSpec {
  readonly database: Database;
  readonly shape: Shape;
  readonly rows: number;
}

/** A table of the bench, and the query that every contestant moves the rows of. */
export interface BenchTable extends TableSpec {
  readonly query: string;
}

export type Shape = keyof typeof SHAPES;

/** The columns of row n, beside the id, as PostgreSQL writes them. */
const SHAPES = {
  narrow: `'person' || n || '@example.com' AS email, 'First' || n % 1000 AS first_name,
    'Last' || n % 7919 AS last_name, (ARRAY['free', 'basic', 'pro'])[1 + n % 3] AS plan, n % 365 AS visits,
    (n % 100000) / 100.0 AS spent, n % 2 = 0 AS is_active,
    timestamptz '2020-01-01' + n * interval '1 second' AS created_at,
    CASE WHEN n % 5 = 0 THEN 'Wrote "hello" to us' END AS note`,
  wide: Array.from({ length: 99 }, (_none, column) =>
    column % 3 === 0 ? `n * ${column} AS number_${column}` : `'value ' || n % 1000 AS text_${column}`,
  ).join(', '),
  heavy: `jsonb_build_object('list', to_jsonb(array_fill('0123456789'::text, ARRAY[310])), 'n', n) AS data`,
  address: `'person' || n || '@example.com' AS email,
    '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256 AS "context.ip"`,
} as const;

/** What a shape is, in words. */
const SHAPE_WORDS: Readonly<Record<Shape, string>> = {
  narrow: '10 columns',
  wide: '100 columns',
  heavy: '4 KB of JSON',
  address: 'a `context.ip` that differs in every row',
};

const DATABASE_WORDS: Readonly<Record<Database, string>> = { postgres: '', mariadb: ', from MariaDB' };

/** The same narrow columns, as MariaDB writes them. */
const MARIADB_NARROW = `CONCAT('person', seq, '@example.com') AS email, CONCAT('First', seq % 1000) AS first_name,
  CONCAT('Last', seq % 7919) AS last_name, ELT(1 + seq % 3, 'free', 'basic', 'pro') AS plan, seq % 365 AS visits,
  (seq % 100000) / 100.0 AS spent, seq % 2 = 0 AS is_active,
  TIMESTAMP'2020-01-01 00:00:00' + INTERVAL seq SECOND AS created_at,
  IF(seq % 5 = 0, 'Wrote "hello" to us', NULL) AS note`;

/** A narrow table of PostgreSQL. */
export function narrow(rows: number): TableSpec {
  return { database: 'postgres', shape: 'narrow', rows };
}

/** The same rows without a table. */
export function narrowSeries(rows: number): BenchTable {
  return { ...narrow(rows), query: `SELECT ${columnsOf('narrow')} FROM generate_series(1, ${rows}) n` };
}

/** Tells tables apart. */
export function keyOf({ database, shape, rows }: TableSpec): string {
  return `${database} ${shape} ${rows}`;
}

export function tableWords({ database, shape, rows }: TableSpec): string {
  return `${rows.toLocaleString('en-US')} rows, ${SHAPE_WORDS[shape]}${DATABASE_WORDS[database]}`;
}

const columnsOf = (shape: Shape) => `n::bigint AS "userId", ${SHAPES[shape]}`;

/** Makes a table of PostgreSQL, such that its first reader does no more work than the next. */
export async function makeTable(sql: pg.Client, { shape, rows }: TableSpec): Promise<BenchTable> {
  const name = `${shape}_${rows}`;
  await sql.query(
    `CREATE UNLOGGED TABLE ${name} AS SELECT ${columnsOf(shape)} FROM generate_series(1, ${rows}) n`,
  );
  await sql.query(`VACUUM (FREEZE, ANALYZE) ${name}`);
  return { database: 'postgres', shape, rows, query: `SELECT * FROM ${name}` };
}

/** Makes a table of MariaDB; it is narrow, whatever the shape. */
export async function makeMariadbTable(sql: Connection, rows: number): Promise<BenchTable> {
  const name = `narrow_${rows}`;
  await sql.query(`CREATE TABLE ${name} AS SELECT seq AS userId, ${MARIADB_NARROW} FROM seq_1_to_${rows}`);
  return { database: 'mariadb', shape: 'narrow', rows, query: `SELECT * FROM ${name}` };
}

/** The rows of these ids as they are to arrive, in JSON by PostgreSQL; true and false are 1 and 0 in MariaDB. */
export async function rowsOf(
  sql: pg.Client,
  { database, shape }: TableSpec,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const { rows } = await sql.query<{ id: string; row: Record<string, unknown> }>(
    `SELECT n::text AS id, to_jsonb(q) - 'n'${database === 'mariadb' ? " || jsonb_build_object('is_active', q.is_active::int)" : ''} AS row
     FROM (SELECT n, ${SHAPES[shape]} FROM unnest($1::int[]) n) q`,
    [ids],
  );
  return new Map(rows.map(({ id, row }) => [id, row]));
}
