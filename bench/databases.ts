import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type pg from 'pg';
import { connectTo, startPostgres } from '../dev/postgres.ts';
import type { PostgresServer } from '../dev/postgres.ts';
import { startMariadb } from '../test/mariadb.ts';
import type { MariadbServer } from './contestants/contestant.ts';
import { parentOf } from './processes.ts';
import { keyOf, makeMariadbTable, makeTable } from './tables.ts';
import type { BenchTable, Database, TableSpec } from './tables.ts';

/** The databases whose rows are moved. */
export interface Databases {
  readonly postgres: PostgresServer;
  /** Or why there is none. */
  readonly mariadb: MariadbServer | string;
  /** PostgreSQL's superuser. */
  readonly sql: pg.Client;
  /** Of the servers, in words. */
  readonly versions: readonly string[];
  /** Makes a table, unless it is there. */
  readonly make: (table: TableSpec) => Promise<BenchTable>;
  /** The process whose CPU is the database's. */
  pidOf(database: Database): number;
  stop(): Promise<void>;
}

/** Starts PostgreSQL, and MariaDB where it is wanted and there. */
export async function startDatabases({ withMariadb }: { withMariadb: boolean }): Promise<Databases> {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const sql = await connectTo(postgres);
  sql.on('error', () => undefined);
  const { rows } = await sql.query<{ pid: number; version: string }>(
    `SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version`,
  );
  const pids = { postgres: parentOf(rows[0]?.pid ?? 0) ?? 0, mariadb: 0 };
  const versions = [`PostgreSQL ${rows[0]?.version ?? ''}`];
  const found = withMariadb ? await openMariadb(stack) : 'the quick bench leaves it out';
  if (typeof found !== 'string') {
    pids.mariadb = found.pid;
    versions.push(found.version);
  }
  const made = new Map<string, Promise<BenchTable>>();
  let last: Promise<unknown> = Promise.resolve();
  const make = (table: TableSpec) => {
    if (table.database === 'postgres') return makeTable(sql, table);
    if (typeof found === 'string') throw new Error(found);
    return makeMariadbTable(found.sql, table.rows);
  };
  const running = stack.move();
  return {
    ...{ postgres, sql, versions, mariadb: typeof found === 'string' ? found : found.server },
    make(table) {
      // One after another: a connection runs one statement at a time.
      const known = made.get(keyOf(table)) ?? last.then(() => make(table));
      made.set(keyOf(table), known);
      last = known.catch(() => undefined);
      return known;
    },
    pidOf: (database) => pids[database],
    stop: () => running.disposeAsync(),
  };
}

interface Mariadb {
  readonly server: MariadbServer;
  readonly sql: Connection;
  readonly pid: number;
  readonly version: string;
}

async function openMariadb(stack: AsyncDisposableStack): Promise<Mariadb | string> {
  const server = await startMariadb();
  if (typeof server === 'string') return server;
  stack.defer(() => server.stop());
  const { host, port, user, password } = server;
  const sql = await createConnection({ host, port, user, password });
  sql.on('error', () => undefined);
  await sql.query('CREATE DATABASE bench');
  await sql.query('USE bench');
  const [[row]] = await sql.query<RowDataPacket[]>('SELECT @@pid_file AS file, VERSION() AS version');
  return {
    server: { host, port, user, password, database: 'bench' },
    sql,
    pid: pidIn(String(row?.['file'])),
    version: `MariaDB ${String(row?.['version'])}`,
  };
}

/** 0 where the file is not for us to read: then there is no figure of its CPU. */
function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}
