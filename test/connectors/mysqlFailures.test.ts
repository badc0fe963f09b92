import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { MysqlConfig } from '../../connectors/mysql/config.ts';
import type { FailureCode } from '../../errors.ts';
import { createMysqlDatabase, MARIADB, PASSWORD } from './mysqlDatabase.ts';
import type { MysqlDatabase } from './mysqlDatabase.ts';
import { refusalOf, serveRelay } from './mysqlWire.ts';
import { failureOf, readAll, request, until } from './request.ts';
import { serve } from './tlsProxy.ts';
import type { TestServer } from './tlsProxy.ts';

let database: MysqlDatabase;
const servers: TestServer[] = [];

const refusal = (code: FailureCode, fields: Partial<MysqlConfig>, password?: string) =>
  refusalOf(database, code, fields, password);

/** Reads a query that fails. */
async function queryFailure(code: FailureCode, sql: string): Promise<string> {
  const source = await database.open();
  try {
    const failure = await failureOf(readAll(source, sql));
    expect({ code: failure.code, message: failure.message }).toEqual({ code, message: failure.message });
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

const relay = (onSocket: (socket: Socket) => void) =>
  startServer(serveRelay(database, () => undefined, onSocket));

const connections = async () => (await database.connections()).length;

describe.skipIf(MARIADB.server === null)(MARIADB.name, () => {
  beforeAll(async () => {
    database = await createMysqlDatabase(MARIADB.server, 100_000);
    await database.admin.query('CREATE DATABASE IF NOT EXISTS hidden_rowcast');
    await database.admin.query('CREATE TABLE IF NOT EXISTS hidden_rowcast.people (id int)');
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await database.killConnections();
    await until(async () => (await connections()) === 0);
    await database.admin.query(`ALTER USER ${database.reader}@'%' WITH MAX_USER_CONNECTIONS 0`);
    await database.admin.query('SET GLOBAL max_statement_time = 0');
  });

  afterAll(async () => {
    await database.admin.query('DROP DATABASE hidden_rowcast');
    await database.drop();
  });

  describe('that refuses', () => {
    test('a wrong password says which user and which secret to check', async () => {
      const message = await refusal('source_login_refused', {}, 'not-the-password-4e1');
      expect(message).toMatch(new RegExp(`user ${database.reader} was refused.*secret reader`));
    });

    test('a user who does not exist is named', async () => {
      expect(await refusal('source_login_refused', { user: 'nobody_here' })).toContain('nobody_here');
    });

    test('a locked user is named', async () => {
      await database.admin.query(`ALTER USER ${database.reader}@'%' ACCOUNT LOCK`);
      const message = await refusal('source_login_refused', {});
      await database.admin.query(`ALTER USER ${database.reader}@'%' ACCOUNT UNLOCK`);
      expect(message).toMatch(/locked/);
    });

    test('a database that does not exist is named, or the right to it that is missing', async () => {
      expect(await refusal('source_permission_denied', { database: 'no_such_db' })).toMatch(
        /may not use the database no_such_db, or there is none; check `database`, or grant SELECT/,
      );
      await database.admin.query(`GRANT SELECT ON *.* TO ${database.reader}@'%'`);
      const message = await refusal('source_database_missing', { database: 'no_such_db' });
      await database.admin.query(`REVOKE SELECT ON *.* FROM ${database.reader}@'%'`);
      expect(message).toMatch(/There is no database no_such_db at .*check `database`/);
    });

    test('a user who has all his connections is told to wait', async () => {
      await database.admin.query(`ALTER USER ${database.reader}@'%' WITH MAX_USER_CONNECTIONS 1`);
      const source = await database.open();
      expect(await refusal('source_busy', {})).toMatch(/takes no more connections; the run tries again/);
      await source.close();
    });
  });

  describe('that cannot be reached', () => {
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

    test('one that speaks another language is unreachable', async () => {
      const { port } = await startServer(
        serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n' + ' '.repeat(5_000_000))),
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

  describe('that falls silent in mid-read', () => {
    test('holds up neither an abort nor the closing of its connection', async () => {
      const sockets: Socket[] = [];
      const proxy = await relay((socket) => sockets.push(socket));
      const source = await database.open({ port: proxy.port });
      const abort = new AbortController();
      const answer = source.query(request('SELECT SLEEP(60)', { signal: abort.signal }));
      answer.catch(() => undefined);
      await until(async () => (await connections()) === 1);
      sockets[0]!.unpipe().pause();
      abort.abort(new Error('the run was cancelled'));
      await expect(answer).rejects.toThrow('the run was cancelled');
      await source.close();
      await expect(source.query(request('SELECT 1 AS n'))).rejects.toThrow();
    });

    test('and then ends the connection in order, has not ended the result', async () => {
      const sockets: Socket[] = [];
      const proxy = await relay((socket) => sockets.push(socket));
      const source = await database.open({ port: proxy.port });
      const { pages } = await source.query(
        request("SELECT n, REPEAT('x', 500) AS pad FROM numbers", { pageRows: 100 }),
      );
      const reading = (async () => {
        let read = 0;
        for await (const page of pages) {
          read += page.length;
          if (read === 100) sockets[0]!.unpipe().end();
        }
      })();
      expect((await failureOf(reading)).code).toBe('source_connection_lost');
      await source.close();
    });
  });

  describe('that refuses a query', () => {
    test('a user without the right to read a table is named, and so is the table', async () => {
      const message = await queryFailure('source_permission_denied', 'SELECT * FROM hidden_rowcast.people');
      expect(message).toMatch(new RegExp(`${database.reader} lacks a right.*people`));
    });

    test('an error of grammar is shown in its line, with a caret below the place', async () => {
      const message = await queryFailure(
        'query_failed',
        "SELECT '😀é' AS a,\r\n  1 AS b, FORM c\r\nFROM numbers WHERE",
      );
      const [, line, caret] = message.split('\n').slice(-3);
      expect(line).toMatch(/^ {2}line \d: /);
      expect(caret).toMatch(/^ +\^$/);
    });

    test('an error of grammar in a long line is shown with what stands around it', async () => {
      const columns = Array.from({ length: 300 }, (_, at) => `${at} AS column_${at}`).join(', ');
      const message = await queryFailure('query_failed', `SELECT ${columns}, AS nosuch, ${columns}`);
      const [line, caret] = message.split('\n').slice(-2);
      expect(line!.length).toBeLessThan(140);
      expect(line!.slice(caret!.indexOf('^'))).toMatch(/^AS nosuch/);
    });

    test('an error at the end of the query has its caret there', async () => {
      const message = await queryFailure('query_failed', 'SELECT 1 AS a FROM');
      expect(message).toContain(
        `\n  line 1: SELECT 1 AS a FROM\n${' '.repeat('  line 1: SELECT 1 AS a FROM'.length)}^`,
      );
    });

    test('an error without a place has no caret', async () => {
      const message = await queryFailure('query_failed', 'SELECT nosuch FROM numbers');
      expect(message).toMatch(/Unknown column 'nosuch'.*error 1054/);
      expect(message).not.toContain('\n');
    });

    test('the time-out for statements is named as such', async () => {
      await database.admin.query('SET GLOBAL max_statement_time = 0.2');
      const message = await queryFailure(
        'source_statement_timeout',
        'SELECT COUNT(*) FROM numbers a, numbers b WHERE a.n * b.n = 7',
      );
      expect(message).toMatch(/time-out.*max_statement_time/);
    });

    test('a statement that an administrator stops throws, in mid-read too', async () => {
      const source = await database.open();
      const sql = "SELECT n, REPEAT('x', 5000) AS pad FROM numbers";
      const { pages } = await source.query(request(sql, { pageRows: 100 }));
      const reading = (async () => {
        let read = 0;
        for await (const page of pages) {
          if (read === 0) {
            const [row] = await database.connections();
            await database.admin.query(`KILL QUERY ${String(Object.values(row!)[0])}`);
          }
          read += page.length;
        }
      })();
      expect((await failureOf(reading)).code).toBe('source_statement_timeout');
      await source.close();
    });

    test('parameters that nobody gives are an error, not a wait', async () => {
      expect(await queryFailure('query_failed', 'SELECT ? AS a')).toMatch(/parameters/);
    });
  });

  test('an abort leaves nothing of its own on the server, and other connections of the user alone', async () => {
    const other = await database.open();
    const others = readAll(other, "SELECT SLEEP(1.5) AS slept, 'done' AS v");
    await until(async () => (await connections()) === 1);
    const source = await database.open();
    const abort = new AbortController();
    const answer = source.query(request('SELECT SLEEP(60)', { signal: abort.signal }));
    answer.catch(() => undefined);
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    await source.close();
    expect((await others).rows).toEqual([['0', 'done']]);
    await other.close();
    await until(async () => (await connections()) === 0);
  });

  test('a user with one connection alone is served, and left with none', async () => {
    await database.admin.query(`ALTER USER ${database.reader}@'%' WITH MAX_USER_CONNECTIONS 1`);
    const source = await database.open();
    const { pages } = await source.query(request("SELECT n, REPEAT('x', 5000) AS pad FROM numbers"));
    for await (const page of pages) if (page.length > 0) break;
    await source.close();
    await until(async () => (await connections()) === 0);
  });
});
