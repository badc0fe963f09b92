import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { PostgresConfig } from '../../connectors/postgres/config.ts';
import { openPostgres } from '../../connectors/postgres/source.ts';
import type { FailureCode } from '../../errors.ts';
import { createDatabase, PASSWORD } from './postgresDatabase.ts';
import type { TestDatabase } from './postgresDatabase.ts';
import { failureOf, readAll, request, until } from './request.ts';
import { readInChild } from './readInChild.ts';
import { CERTIFICATE, serve, serveTls } from './tlsProxy.ts';
import type { TestServer } from './tlsProxy.ts';

let database: TestDatabase;
const servers: TestServer[] = [];

beforeAll(async () => {
  database = await createDatabase();
  await database.admin.query('CREATE TABLE people (id int)');
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  // A server that cannot be asked lets a statement run on.
  await database.admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${database.role}'`,
  );
  await until(async () => (await connections()) === 0);
  for (const setting of ['statement_timeout', 'transaction_timeout']) {
    await database.admin.query(`ALTER ROLE ${database.role} RESET ${setting}`);
  }
  await database.admin.query(`ALTER ROLE ${database.role} CONNECTION LIMIT -1`);
});

afterAll(() => database.drop());

/** Fails to open, and tells nobody the password on the way. */
async function refusal(
  code: FailureCode,
  fields: Partial<PostgresConfig>,
  password = PASSWORD,
): Promise<string> {
  const signal = new AbortController().signal;
  const config = database.config(fields);
  const failure = await failureOf(openPostgres(config, () => Promise.resolve(password), signal));
  expect(failure.code).toBe(code);
  expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(password);
  return failure.message;
}

/** Reads a query that fails. */
async function queryFailure(code: FailureCode, sql: string): Promise<string> {
  const source = await database.open();
  try {
    const failure = await failureOf(readAll(source, sql));
    expect(failure.code).toBe(code);
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
    return failure.message;
  } finally {
    await source.close();
  }
}

async function startServer(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

async function connections(): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND application_name = 'rowcast'",
    [database.name],
  );
  return rows[0]!.n;
}

describe('a PostgreSQL server that refuses', () => {
  test('a wrong password says which user and which secret to check', async () => {
    const message = await refusal('source_login_refused', {}, 'not-the-password-4e1');
    expect(message).toMatch(new RegExp(`user ${database.role} was refused.*secret reader`));
  });

  test('a role that does not exist is named', async () => {
    expect(await refusal('source_login_refused', { user: 'nobody_here' })).toContain('nobody_here');
  });

  test('a database that does not exist is named', async () => {
    expect(await refusal('source_database_missing', { database: 'no_such_db' })).toMatch(
      /There is no database no_such_db at .*check `database`/,
    );
  });

  test('a role without the right to connect is told what to grant', async () => {
    await database.admin.query(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
    const message = await refusal('source_permission_denied', {});
    await database.admin.query(`GRANT CONNECT ON DATABASE ${database.name} TO PUBLIC`);
    expect(message).toContain(`grant CONNECT on it`);
  });

  test('a role that has all its connections is told to wait', async () => {
    await database.admin.query(`ALTER ROLE ${database.role} CONNECTION LIMIT 0`);
    expect(await refusal('source_busy', {})).toMatch(/takes no more connections; the run tries again/);
  });

  test('one that does not offer TLS says what to do about it', async () => {
    for (const tls of ['verify', 'require'] as const) {
      expect(await refusal('source_tls_failed', { tls })).toMatch(/does not offer TLS.*`tls: off`/);
    }
  });
});

describe('a PostgreSQL server that cannot be reached', () => {
  test('a closed port is named with its host, be it an address or a name with several', async () => {
    const server = await serve(() => undefined);
    await server.stop();
    const { port } = server;
    for (const host of ['127.0.0.1', 'localhost']) {
      const message = await refusal('source_unreachable', { host, port });
      expect(message).toMatch(
        new RegExp(`${host}:${port} cannot be reached \\(.*ECONNREFUSED.*\\); check host`),
      );
    }
  });

  test('a host that does not resolve is named', async () => {
    const message = await refusal('source_unreachable', { host: 'db.rowcast.invalid' });
    expect(message).toMatch(/db\.rowcast\.invalid:\d+ cannot be reached/);
  });

  test('one that hangs up at once is unreachable', async () => {
    const { port } = await startServer(serve((socket) => socket.destroy()));
    for (const tls of ['off', 'require'] as const) await refusal('source_unreachable', { port, tls });
  });

  test('one that speaks another language is unreachable, or has no TLS', async () => {
    const { port } = await startServer(
      serve((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    for (const tls of ['off', 'require'] as const) await refusal('source_unreachable', { port, tls });
  });

  test('one that accepts and never answers is given up', async () => {
    const { port } = await startServer(serve(() => undefined));
    const [plain, secure] = await Promise.all([
      refusal('source_unreachable', { port, tls: 'off' }),
      refusal('source_unreachable', { port, tls: 'verify' }),
    ]);
    expect(plain).toMatch(/cannot be reached \(it does not answer\)/);
    expect(secure).toBe(plain);
  });

  test('a wait for one that never answers ends when it is aborted', async () => {
    const { port } = await startServer(serve(() => undefined));
    const abort = new AbortController();
    const opening = database.open({ port }, abort.signal);
    opening.catch(() => undefined);
    const reason = new Error('the run was cancelled');
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });
});

describe('a PostgreSQL server behind TLS', () => {
  test('is read where encryption is required', async () => {
    const { port } = await startServer(serveTls(inject('postgres')));
    const source = await database.open({ port, tls: 'require' });
    expect((await readAll(source, "SELECT repeat('x', 3000000) AS v")).rows[0]![0]).toHaveLength(3_000_000);
    await source.close();
  });

  test('has its statement cancelled through TLS too', async () => {
    const { port } = await startServer(serveTls(inject('postgres')));
    const source = await database.open({ port, tls: 'require' });
    const abort = new AbortController();
    const answer = source.query(request('SELECT pg_sleep(60)', { signal: abort.signal }));
    answer.catch(() => undefined);
    abort.abort();
    await expect(answer).rejects.toThrow();
    expect((await readAll(source, 'SELECT 1 AS n')).rows).toEqual([['1']]);
    await source.close();
  });

  test('is refused where its certificate is not trusted, by name and by address', async () => {
    const { port } = await startServer(serveTls(inject('postgres')));
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await refusal('source_tls_failed', { host, port, tls: 'verify' })).toMatch(
        /certificate of .* could not be verified.*NODE_EXTRA_CA_CERTS.*`tls: require`/,
      );
    }
  });

  test('is told apart from one that answers the handshake with something else', async () => {
    const { port } = await startServer(
      serve((socket) => {
        socket.once('data', () => {
          socket.write('S');
          socket.once('data', () => socket.end('no TLS at all, but text'));
        });
      }),
    );
    expect(await refusal('source_tls_failed', { port, tls: 'require' })).toMatch(
      /TLS handshake with .* failed/,
    );
  });

  test('is verified by name and by address with the authority that the worker was given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-tls-'));
    writeFileSync(join(folder, 'authority.pem'), CERTIFICATE);
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') };
    const { port } = await startServer(serveTls(inject('postgres')));
    for (const host of ['127.0.0.1', 'localhost']) {
      const config = database.config({ host, port, tls: 'verify' });
      const reading = await readInChild({ config, password: PASSWORD, sql: 'SELECT 1 AS n' }, [], env);
      expect(reading.firstRow).toEqual(['1']);
    }
    rmSync(folder, { recursive: true });
  });
});

describe('a PostgreSQL server that falls silent in mid-read', () => {
  test('holds up neither an abort nor the closing of its connection', async () => {
    const { host, port } = inject('postgres');
    const sockets: Socket[] = [];
    const proxy = await startServer(
      serve((socket) => {
        sockets.push(socket);
        const plain = connect(port, host);
        plain.on('error', () => socket.destroy());
        socket.on('close', () => plain.destroy());
        if (sockets.length === 1) socket.pipe(plain).pipe(socket);
      }),
    );
    const source = await database.open({ port: proxy.port });
    const abort = new AbortController();
    const answer = source.query(request('SELECT pg_sleep(60)', { signal: abort.signal }));
    answer.catch(() => undefined);
    await until(async () => (await connections()) === 1);
    sockets[0]!.unpipe().pause();
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    await source.close();
    await expect(source.query(request('SELECT 1 AS n'))).rejects.toThrow();
  });
});

describe('a query that PostgreSQL refuses', () => {
  test('a role without the right to read a table is named, and so is the table', async () => {
    const message = await queryFailure('source_permission_denied', 'SELECT * FROM people');
    expect(message).toMatch(new RegExp(`${database.role} lacks a right.*permission denied for table people`));
  });

  test('an error is shown in its line, with a caret below the place', async () => {
    const message = await queryFailure(
      'query_failed',
      "SELECT '😀é' AS a,\r\n  1 AS b, nosuch AS c\r\nFROM people",
    );
    expect(message).toContain('column "nosuch" does not exist (SQLSTATE 42703)');
    const [, line, caret] = message.split('\n');
    expect(line).toBe('  line 2:   1 AS b, nosuch AS c');
    expect(caret).toBe(`${' '.repeat(line!.indexOf('nosuch'))}^`);
  });

  test('an error in a long line is shown with what stands around it', async () => {
    const columns = Array.from({ length: 300 }, (_, at) => `${at} AS column_${at}`);
    const message = await queryFailure(
      'query_failed',
      `SELECT ${columns.join(', ')}, nosuch, ${columns.join(', ')}`,
    );
    const [, line, caret] = message.split('\n');
    expect(line!.length).toBeLessThan(140);
    expect(line!.slice(caret!.indexOf('^'))).toMatch(/^nosuch/);
  });

  test('an error at the end of the query has its caret there', async () => {
    const message = await queryFailure('query_failed', 'SELECT 1 AS a FROM');
    expect(message).toContain('syntax error at end of input');
    expect(message).toContain(
      `\n  line 1: SELECT 1 AS a FROM\n${' '.repeat('  line 1: SELECT 1 AS a FROM'.length)}^`,
    );
  });

  test('an error without a place has no caret', async () => {
    expect(await queryFailure('query_failed', 'SELECT 1 / 0 AS a')).not.toContain('\n');
  });

  test('the time-out for statements is named as such', async () => {
    await database.admin.query(`ALTER ROLE ${database.role} SET statement_timeout = 100`);
    const message = await queryFailure('source_statement_timeout', 'SELECT pg_sleep(60)');
    expect(message).toMatch(/time-out.*canceling statement due to statement timeout/);
  });

  test('the time-out for transactions is named as such', async () => {
    await database.admin.query(`ALTER ROLE ${database.role} SET transaction_timeout = 100`);
    const message = await queryFailure('source_statement_timeout', 'SELECT pg_sleep(60)');
    expect(message).toMatch(/time-out.*transaction timeout/);
  });

  test('parameters that nobody gives are an error, not a wait', async () => {
    expect(await queryFailure('query_failed', 'SELECT $1::int AS a')).toMatch(/parameters/);
  });
});

describe('what an abort leaves on the server', () => {
  test('is nothing, also where the role has only the one connection', async () => {
    await database.admin.query(`ALTER ROLE ${database.role} CONNECTION LIMIT 1`);
    const source = await database.open();
    const abort = new AbortController();
    const answer = source.query(request('SELECT pg_sleep(60)', { signal: abort.signal }));
    answer.catch(() => undefined);
    await until(async () => (await connections()) === 1);
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    await source.close();
    await until(async () => (await connections()) === 0);
  });

  test('is nothing of other connections of the same role', async () => {
    const other = new pg.Client({
      ...inject('postgres'),
      database: database.name,
      user: database.role,
      password: PASSWORD,
    });
    await other.connect();
    const others = other.query("SELECT pg_sleep(0.5), 'done' AS v");
    const source = await database.open();
    const { pages } = await source.query(request("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"));
    for await (const page of pages) if (page.length > 0) break;
    await source.close();
    expect((await others).rows).toMatchObject([{ v: 'done' }]);
    await other.end();
  });
});
