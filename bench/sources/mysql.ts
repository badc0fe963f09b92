import mysql from 'mysql2';
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { MysqlConfig } from '../../connectors/mysql/config.ts';
import { startMariadb } from '../../test/mariadb.ts';
import type { Contestant, Task } from './contestant.ts';
import { countOf } from './countOf.ts';

export async function start(rows: number): Promise<Contestant | string> {
  const server = await startMariadb();
  if (typeof server === 'string') return server;
  const { host, port, user, password } = server;
  const sql = await createConnection({ host, port, user, password });
  await sql.query('CREATE DATABASE bench');
  await sql.query('USE bench');
  await sql.query(`
    CREATE TABLE people AS SELECT seq AS id, CONCAT('person', seq, '@example.com') AS email,
      CONCAT('First', seq % 1000) AS first_name, CONCAT('Last', seq % 7919) AS last_name,
      ELT(1 + seq % 3, 'free', 'basic', 'pro') AS plan, seq % 365 AS visits, (seq % 100000) / 100.0 AS spent,
      seq % 2 = 0 AS is_active, TIMESTAMP'2020-01-01 00:00:00' + INTERVAL seq SECOND AS created_at,
      IF(seq % 5 = 0, 'Wrote "hello" to us', NULL) AS note
    FROM seq_1_to_${rows}`);
  const [[row]] = await sql.query<RowDataPacket[]>('SELECT VERSION() AS version');
  await sql.end();
  const fields = { kind: 'mysql', host, port, database: 'bench', user, tls: 'off' };
  return {
    server: String(row?.['version']),
    config: MysqlConfig.parse({ ...fields, password: { secret: 'password' } }),
    password,
    sql: 'SELECT * FROM people',
    stop: () => server.stop(),
  };
}

/** `mysql2`'s stream of the text protocol. */
export async function drain({ config, password, sql }: Task): Promise<number> {
  const { host, port, user, database } = config as MysqlConfig;
  const connection = mysql.createConnection({ host, port, user, database, password, rowsAsArray: true });
  const rows = await countOf(connection.query(sql).stream({ highWaterMark: 5_000 }));
  connection.destroy();
  return rows;
}
