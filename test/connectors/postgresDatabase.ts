import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { PostgresConfig } from '../../connectors/postgres/config.ts';
import { openPostgres } from '../../connectors/postgres/source.ts';
import type { Source } from '../../connectors/source.ts';

export const PASSWORD = 'reader pass/wörd-7c1';

/** A database and a role of a test's own, on the server that all share. */
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

export async function createDatabase(): Promise<TestDatabase> {
  const server = inject('postgres');
  const name = `source_${randomBytes(4).toString('hex')}`;
  const role = `${name}_reader`;
  const root = new pg.Client({ ...server, database: 'postgres' });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  await root.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  const admin = new pg.Client({ ...server, database: name });
  await admin.connect();
  const config = (fields: Partial<PostgresConfig> = {}) =>
    PostgresConfig.parse({
      kind: 'postgres',
      host: server.host,
      port: server.port,
      database: name,
      user: role,
      password: { secret: 'reader' },
      tls: 'off',
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
