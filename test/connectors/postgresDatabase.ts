import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { PostgresConfig } from '../../connectors/postgres/config.ts';
import { openPostgres } from '../../connectors/postgres/source.ts';
import type { Source } from '../../connectors/source.ts';

export const PASSWORD = 'reader pass/wörd-7c1';

/** A server that tests run against, and how its superuser reaches it. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: PostgresConfig['tls'];
}

/** The server of one's own, or why there is none. */
export interface OwnServer {
  readonly name: string;
  readonly server: TestServer | null;
}

const url = process.env['ROWCAST_TEST_POSTGRES_URL'] ?? '';

/** `postgres://SUPERUSER:PASSWORD@HOST:5432?tls=require`; `tls` as in a source, off by default. */
export const OWN: OwnServer =
  url === ''
    ? { name: 'a PostgreSQL source of one’s own (ROWCAST_TEST_POSTGRES_URL is not set)', server: null }
    : { name: 'a PostgreSQL source of one’s own', server: serverOf(new URL(url)) };

function serverOf({ hostname, port, username, password, searchParams }: URL): TestServer {
  return {
    host: hostname,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    tls: PostgresConfig.shape.tls.parse(searchParams.get('tls') ?? 'off'),
  };
}

/** A database and a role of a test's own. */
export interface TestDatabase {
  /** The superuser's connection to it. */
  readonly admin: pg.Client;
  readonly name: string;
  /** A role that may read what is granted to it. */
  readonly role: string;
  /** A configuration for it, with fields that differ. */
  config(fields?: Partial<PostgresConfig>): PostgresConfig;
  open(fields?: Partial<PostgresConfig>, signal?: AbortSignal): Promise<Source>;
  drop(): Promise<void>;
}

/** @param server by default the one that all tests share. */
export async function createDatabase(
  server: TestServer = { ...inject('postgres'), tls: 'off' },
): Promise<TestDatabase> {
  const { host, port, user, tls } = server;
  const ssl = tls === 'off' ? false : { rejectUnauthorized: tls === 'verify' };
  const access = { host, port, user, password: server.password, ssl };
  const name = `source_${randomBytes(4).toString('hex')}`;
  const role = `${name}_reader`;
  const root = new pg.Client({ ...access, database: 'postgres' });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  await root.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  const admin = new pg.Client({ ...access, database: name });
  await admin.connect();
  const config = (fields: Partial<PostgresConfig> = {}) =>
    PostgresConfig.parse({
      kind: 'postgres',
      host,
      port,
      database: name,
      user: role,
      password: { secret: 'reader' },
      tls,
      ...fields,
    });
  return {
    admin,
    name,
    role,
    config,
    open: (fields, signal = new AbortController().signal) =>
      openPostgres(config(fields), () => Promise.resolve(PASSWORD), signal),
    async drop() {
      await admin.end();
      await root.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await root.query(`DROP ROLE ${role}`);
      await root.end();
    },
  };
}
