import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import type { SourceConfig } from '../../connectors/config.ts';
import type { Address } from '../../connectors/source.ts';
import { createMysqlDatabase, MARIADB, PASSWORD } from '../connectors/mysqlDatabase.ts';
import { createDatabase } from '../connectors/postgresDatabase.ts';
import { readInChild } from '../connectors/readInChild.ts';
import { CERTIFICATE, serveTls } from '../connectors/tlsProxy.ts';

/* A server that is reached at another address than its own must have the certificate of its own name all the same. */

/** Reads from a server whose certificate stands for `localhost` and 127.0.0.1, and whose authority is trusted. */
async function tryNames(configOf: (host: string) => SourceConfig, at: Address): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-tls-'));
  writeFileSync(join(folder, 'authority.pem'), CERTIFICATE);
  const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') };
  const readOf = (host: string) =>
    readInChild({ config: configOf(host), password: PASSWORD, sql: 'SELECT 1 AS n', at }, [], env);
  expect((await readOf('localhost')).firstRow).toEqual(['1']);
  // The address at which it is reached is in the certificate, but these are not.
  await expect(readOf('127.0.0.2')).rejects.toThrow(/source_tls_failed/);
  await expect(readOf('db.example.com')).rejects.toThrow(/source_tls_failed/);
  rmSync(folder, { recursive: true });
}

test('PostgreSQL that is reached elsewhere must have the certificate of its own name', async () => {
  const database = await createDatabase();
  const server = await serveTls(inject('postgres'));
  await tryNames((host) => database.config({ host, port: 1, tls: 'verify' }), {
    host: '127.0.0.1',
    port: server.port,
  });
  await server.stop();
  await database.drop();
});

test.skipIf(MARIADB.server === null)(
  `${MARIADB.name} that is reached elsewhere must have the certificate of its own name`,
  async () => {
    const database = await createMysqlDatabase(MARIADB.server, 1);
    const { host: atHost, port } = database.server;
    await tryNames((host) => database.config({ host, port: 1, tls: 'verify' }), { host: atHost, port });
    await database.drop();
  },
);
