import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { MysqlConfig } from '../../connectors/mysql/config.ts';
import type { FailureCode } from '../../errors.ts';
import { createMysqlDatabase, MARIADB, PASSWORD } from './mysqlDatabase.ts';
import type { MysqlDatabase } from './mysqlDatabase.ts';
import { refusalOf, serveRelay } from './mysqlWire.ts';
import { readAll, request } from './request.ts';
import { readInChild } from './readInChild.ts';
import { CERTIFICATE, serve } from './tlsProxy.ts';
import type { TestServer } from './tlsProxy.ts';

let database: MysqlDatabase;
const servers: TestServer[] = [];

const refusal = (code: FailureCode, fields: Partial<MysqlConfig>) => refusalOf(database, code, fields);

async function startServer(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

describe.skipIf(MARIADB.server === null)(`${MARIADB.name} with TLS`, () => {
  beforeAll(async () => {
    database = await createMysqlDatabase(MARIADB.server, 1);
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  afterAll(() => database.drop());

  test('is read where encryption is required, and says so itself', async () => {
    const source = await database.open({ tls: 'require' });
    const { rows } = await readAll(source, "SELECT REPEAT('x', 3000000) AS v");
    expect(rows[0]![0]).toHaveLength(3_000_000);
    const status = await readAll(
      source,
      "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'",
    );
    expect(status.rows[0]![0]).toMatch(/^TLSv1/);
    await source.close();
  });

  test('has its statement stopped through TLS too', async () => {
    const source = await database.open({ tls: 'require' });
    const abort = new AbortController();
    const answer = source.query(request('SELECT SLEEP(60)', { signal: abort.signal }));
    answer.catch(() => undefined);
    abort.abort();
    await expect(answer).rejects.toThrow();
    expect((await readAll(source, 'SELECT 1 AS n')).rows).toEqual([['1']]);
    await source.close();
  });

  test('is refused where its certificate is not trusted, by name and by address', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await refusal('source_tls_failed', { host, tls: 'verify' })).toMatch(
        /certificate of .* could not be verified.*NODE_EXTRA_CA_CERTS.*`tls: require`/,
      );
    }
  });

  test('says what to do where the server does not offer it', async () => {
    // The bit for TLS stands in the second of two bytes after the version, a number, eight bytes and a zero.
    const { port } = await startServer(
      serveRelay(database, (greeting) => {
        const at = greeting.indexOf(0, 5) + 1 + 4 + 8 + 1;
        greeting[at + 1]! &= ~0x08;
      }),
    );
    for (const tls of ['verify', 'require'] as const) {
      expect(await refusal('source_tls_failed', { port, tls })).toMatch(/does not offer TLS.*`tls: off`/);
    }
  });

  test('is told apart from one that answers the handshake with something else', async () => {
    const { host, port } = database.server;
    const server = await startServer(
      serve((socket) => {
        const plain = connect(port, host);
        plain.once('data', (greeting) => socket.write(greeting));
        socket.once('data', () => socket.end('no TLS at all, but text'));
        socket.on('close', () => plain.destroy());
      }),
    );
    expect(await refusal('source_tls_failed', { port: server.port, tls: 'require' })).toMatch(
      /TLS handshake with .* failed/,
    );
  });

  test('is verified by name and by address with the authority that the worker was given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-tls-'));
    writeFileSync(join(folder, 'authority.pem'), CERTIFICATE);
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') };
    for (const host of ['127.0.0.1', 'localhost']) {
      const config = database.config({ host, tls: 'verify' });
      const reading = await readInChild({ config, password: PASSWORD, sql: 'SELECT 1 AS n' }, [], env);
      expect(reading.firstRow).toEqual(['1']);
    }
    rmSync(folder, { recursive: true });
  });

  test('is refused where its certificate is for another host, though the authority is trusted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-tls-'));
    writeFileSync(join(folder, 'authority.pem'), CERTIFICATE);
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') };
    // 127.0.0.2 is this machine as well, and the certificate does not know it.
    const config = database.config({ host: '127.0.0.2', tls: 'verify' });
    const server = await startServer(
      serve((socket) => {
        const plain = connect(database.server.port, database.server.host);
        plain.on('error', () => socket.destroy());
        socket.on('close', () => plain.destroy());
        socket.pipe(plain).pipe(socket);
      }, '127.0.0.2'),
    );
    const reading = readInChild(
      { config: { ...config, port: server.port }, password: PASSWORD, sql: 'SELECT 1 AS n' },
      [],
      env,
    );
    await expect(reading).rejects.toThrow(/source_tls_failed/);
    rmSync(folder, { recursive: true });
  });
});
