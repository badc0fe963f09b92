import pg from 'pg';
import { PostgresConfig } from '../../connectors/postgres/config.ts';
import { connectTo, startPostgres } from '../../dev/postgres.ts';
import type { Contestant, Task } from './contestant.ts';

export async function start(rows: number): Promise<Contestant> {
  const server = await startPostgres();
  const sql = await connectTo(server);
  await sql.query(`
    CREATE TABLE people AS SELECT n::bigint AS id, 'person' || n || '@example.com' AS email,
      'First' || n % 1000 AS first_name, 'Last' || n % 7919 AS last_name,
      (ARRAY['free', 'basic', 'pro'])[1 + n % 3] AS plan, n % 365 AS visits, (n % 100000) / 100.0 AS spent,
      n % 2 = 0 AS is_active, timestamptz '2020-01-01' + n * interval '1 second' AS created_at,
      CASE WHEN n % 5 = 0 THEN 'Wrote "hello" to us' END AS note
    FROM generate_series(1, ${rows}) n`);
  const { rows: shown } = await sql.query<{ server_version: string }>('SHOW server_version');
  await sql.end();
  const { host, port, user, password } = server;
  const fields = { kind: 'postgres', host, port, database: 'postgres', user, tls: 'off' };
  return {
    server: `PostgreSQL ${shown[0]?.server_version ?? ''}`,
    config: PostgresConfig.parse({ ...fields, password: { secret: 'password' } }),
    password,
    sql: 'SELECT * FROM people',
    stop: () => server.stop(),
  };
}

/** `pg`, row by row as they arrive: faster than its cursor, and without a brake. */
export async function drain({ config, password, sql }: Task): Promise<number> {
  const { host, port, user, database } = config as PostgresConfig;
  const client = new pg.Client({ host, port, user, database, password });
  await client.connect();
  const asArrays = { text: sql, rowMode: 'array' };
  let rows = 0;
  await new Promise<void>((resolve, reject) => {
    const query = client.query(new pg.Query(asArrays));
    query.on('row', () => (rows += 1));
    query.on('end', () => resolve());
    query.on('error', reject);
  });
  await client.end();
  return rows;
}
