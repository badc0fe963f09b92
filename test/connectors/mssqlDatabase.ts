import { randomBytes } from 'node:crypto';
import { MssqlConfig } from '../../connectors/mssql/config.ts';
import { openMssql } from '../../connectors/mssql/source.ts';
import type { Source } from '../../connectors/source.ts';
import { until } from '../until.ts';
import { Admin } from './mssqlAdmin.ts';
import type { MssqlServer } from './mssqlAdmin.ts';

export const PASSWORD = 'Reader pass/wörd-7c1';

/** A server that tests run against, or why they cannot. */
export interface ServerOrReason {
  readonly name: string;
  readonly server: MssqlServer | null;
  /** Babelfish speaks the protocol, and is PostgreSQL behind it. */
  readonly isBabelfish: boolean;
}

const url = process.env['ROWCAST_TEST_MSSQL_URL'] ?? '';

/** The server of one's own: `mssql://user:password@host:port`, of a user with all rights; with `?tls=off` where it offers none. */
export const OWN: ServerOrReason =
  url === ''
    ? {
        name: 'a SQL Server source of one’s own (ROWCAST_TEST_MSSQL_URL is not set)',
        server: null,
        isBabelfish: false,
      }
    : await ownServer(serverOf(new URL(url)));

async function ownServer(server: MssqlServer): Promise<ServerOrReason> {
  const admin = await Admin.connect(server, 'master');
  const [[version] = []] = await admin.rows('SELECT @@VERSION');
  admin.close();
  const isBabelfish = /babelfish/i.test(String(version));
  return { name: `a ${isBabelfish ? 'Babelfish' : 'SQL Server'} source of one’s own`, server, isBabelfish };
}

function serverOf({ hostname, port, username, password, searchParams }: URL): MssqlServer {
  return {
    host: hostname,
    port: port === '' ? 1433 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    tls: searchParams.get('tls') === 'off' ? 'off' : 'require',
  };
}

/** A database and a login of a test's own, on a server that all share. */
export interface MssqlDatabase {
  readonly server: MssqlServer;
  readonly admin: Admin;
  readonly name: string;
  /** A login that may read the database. */
  readonly reader: string;
  /** A configuration for it, with fields that differ. */
  config(fields?: Partial<MssqlConfig>): MssqlConfig;
  open(fields?: Partial<MssqlConfig>, signal?: AbortSignal): Promise<Source>;
  /** Whether each connection of the login that reads is at work, as the server lists them. */
  connections(): Promise<boolean[]>;
  killConnections(): Promise<void>;
  drop(): Promise<void>;
}

/** @param numbers how many rows, from 1 on, the table `numbers` has. */
export async function createMssqlDatabase(
  server: MssqlServer | null,
  numbers: number,
): Promise<MssqlDatabase> {
  if (server === null) throw new Error('there is no server');
  const name = `source_${randomBytes(4).toString('hex')}`;
  const reader = `r_${name}`;
  const master = await Admin.connect(server, 'master');
  await master.rows(`CREATE DATABASE ${name}`);
  await master.rows(`CREATE LOGIN ${reader} WITH PASSWORD = '${PASSWORD}'`);
  const admin = await Admin.connect(server, name);
  await admin.rows(`CREATE USER ${reader} FOR LOGIN ${reader}`);
  await fillNumbers(admin, numbers);
  await admin.rows(`GRANT SELECT ON numbers TO ${reader}`);
  const config = (fields: Partial<MssqlConfig> = {}) =>
    MssqlConfig.parse({
      ...{ kind: 'mssql', host: server.host, port: server.port, database: name, user: reader },
      ...{ password: { secret: 'reader' }, tls: server.tls, ...fields },
    });
  const sessions = () =>
    master.rows(`SELECT session_id, status FROM sys.dm_exec_sessions WHERE login_name = '${reader}'`);
  async function killConnections(): Promise<void> {
    // One that has gone by itself cannot be killed.
    for (const [id] of await sessions()) await master.rows(`KILL ${String(id)}`).catch(() => undefined);
  }
  return {
    ...{ server, admin, name, reader, config, killConnections },
    open: (fields, signal = new AbortController().signal) =>
      openMssql(config(fields), () => Promise.resolve(PASSWORD), signal),
    connections: async () =>
      (await sessions()).map(([, status]) => /^(running|active)$/.test(String(status))),
    async drop() {
      await killConnections();
      admin.close();
      // The sessions in it are not over at once.
      const dropped = () => master.rows(`DROP DATABASE ${name}`).then(Boolean, () => false);
      await until(dropped);
      await master.rows(`DROP LOGIN ${reader}`);
      master.close();
    },
  };
}

async function fillNumbers(admin: Admin, count: number): Promise<void> {
  await admin.rows('CREATE TABLE numbers (n int NOT NULL PRIMARY KEY)');
  await admin.rows('INSERT INTO numbers VALUES (1)');
  for (let rows = 1; rows < count; rows *= 2) {
    await admin.rows(`INSERT INTO numbers SELECT n + ${rows} FROM numbers WHERE n + ${rows} <= ${count}`);
  }
}
