import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { MysqlConfig } from '../../connectors/mysql/config.ts';
import { openMysql } from '../../connectors/mysql/source.ts';
import type { Source } from '../../connectors/source.ts';
import type { MysqlServer } from '../mariadb.ts';
import { ownServers } from '../ownServers.ts';

export const PASSWORD = 'reader pass/wörd-7c1';

/** A server that tests run against, or why they cannot. */
export interface ServerOrReason {
  readonly name: string;
  readonly server: MysqlServer | null;
  readonly isMariadb: boolean;
}

const mariadb = ownServers().mariadb;
const url = process.env['ROWCAST_TEST_MYSQL_URL'] ?? '';

export const MARIADB: ServerOrReason =
  typeof mariadb === 'string'
    ? { name: `a MariaDB source (${mariadb})`, server: null, isMariadb: true }
    : { name: 'a MariaDB source', server: mariadb, isMariadb: true };

/** The server of one's own, which may be MySQL's: `mysql://user:password@host:port`, of a user with all rights. */
export const OWN: ServerOrReason =
  url === ''
    ? {
        name: 'a MySQL source of one’s own (ROWCAST_TEST_MYSQL_URL is not set)',
        server: null,
        isMariadb: false,
      }
    : await ownServer(serverOf(new URL(url)));

async function ownServer(server: MysqlServer): Promise<ServerOrReason> {
  const connection = await mysql.createConnection({ ...server });
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
  await connection.end();
  const isMariadb = /mariadb/i.test(String(row!['version']));
  return { name: 'a MySQL source of one’s own', server, isMariadb };
}

function serverOf({ hostname, port, username, password }: URL): MysqlServer {
  return {
    host: hostname,
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

/** A database and a user of a test's own, on a server that all share. */
export interface MysqlDatabase {
  readonly server: MysqlServer;
  /** The connection of a user with all rights to it. */
  readonly admin: Connection;
  readonly name: string;
  /** A user who may read the database. */
  readonly reader: string;
  /** Rows of a query of the user's with all rights. */
  rows(sql: string): Promise<RowDataPacket[]>;
  /** A configuration for it, with fields that differ. */
  config(fields?: Partial<MysqlConfig>): MysqlConfig;
  open(fields?: Partial<MysqlConfig>, signal?: AbortSignal): Promise<Source>;
  /** The connections of the user who reads, as the server lists them. */
  connections(): Promise<RowDataPacket[]>;
  killConnections(): Promise<void>;
  drop(): Promise<void>;
}

/** @param numbers how many rows, from 1 on, the table `numbers` has. */
export async function createMysqlDatabase(
  server: MysqlServer | null,
  numbers: number,
): Promise<MysqlDatabase> {
  if (server === null) throw new Error('there is no server');
  const name = `source_${randomBytes(4).toString('hex')}`;
  const reader = `r_${name}`;
  const { host, port } = server;
  const admin = await mysql.createConnection({
    ...{ host, port, user: server.user, password: server.password, charset: 'utf8mb4' },
    ...{ supportBigNumbers: true, multipleStatements: true },
  });
  const rows = async (sql: string) => (await admin.query<RowDataPacket[]>(sql))[0];
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await admin.query(`USE ${name}`);
  await admin.query(`CREATE USER ${reader}@'%' IDENTIFIED BY '${PASSWORD}'`);
  await admin.query(`GRANT SELECT ON ${name}.* TO ${reader}@'%'`);
  await fillNumbers(admin, numbers);
  const config = (fields: Partial<MysqlConfig> = {}) =>
    MysqlConfig.parse({
      ...{
        kind: 'mysql',
        host,
        port,
        database: name,
        user: reader,
        password: { secret: 'reader' },
        tls: 'off',
      },
      ...fields,
    });
  const connections = () =>
    rows(`SELECT id, command FROM information_schema.processlist WHERE user = '${reader}'`);
  return {
    ...{ server, admin, name, reader, rows, config, connections },
    open: (fields, signal = new AbortController().signal) =>
      openMysql(config(fields), () => Promise.resolve(PASSWORD), signal),
    async killConnections() {
      // One that has gone by itself cannot be killed.
      for (const row of await connections()) {
        await admin.query(`KILL ${String(Object.values(row)[0])}`).catch(() => undefined);
      }
    },
    async drop() {
      await admin.query(`DROP DATABASE ${name}`);
      await admin.query(`DROP USER ${reader}@'%'`);
      await admin.end();
    },
  };
}

async function fillNumbers(admin: Connection, count: number): Promise<void> {
  await admin.query('CREATE TABLE numbers (n int PRIMARY KEY)');
  await admin.query('INSERT INTO numbers VALUES (1)');
  for (let rows = 1; rows < count; rows *= 2) {
    await admin.query(`INSERT INTO numbers SELECT n + ${rows} FROM numbers WHERE n + ${rows} <= ${count}`);
  }
}
