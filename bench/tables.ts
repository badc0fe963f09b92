import type pg from 'pg';

/** A table of the bench, and the query that every contestant moves the rows of. */
export interface BenchTable {
  readonly shape: Shape;
  readonly rows: number;
  readonly query: string;
}

export type Shape = keyof typeof SHAPES;

/** Columns that a query of generate_series(1, N) n has, beside the id. */
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
export const SHAPE_WORDS: Readonly<Record<Shape, string>> = {
  narrow: '10 columns',
  wide: '100 columns',
  heavy: '4 KB of JSON',
  address: 'a `context.ip` that differs in every row',
};

/** Makes a table, unless it is there. */
export async function makeTable(sql: pg.Client, shape: Shape, rows: number): Promise<BenchTable> {
  const name = `${shape}_${rows}`;
  const columns = `n::bigint AS "userId", ${SHAPES[shape]}`;
  await sql.query(
    `CREATE TABLE IF NOT EXISTS ${name} AS SELECT ${columns} FROM generate_series(1, ${rows}) n`,
  );
  await sql.query(`ANALYZE ${name}`);
  return { shape, rows, query: `SELECT * FROM ${name}` };
}
