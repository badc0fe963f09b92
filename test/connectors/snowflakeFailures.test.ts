import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSnowflake } from '../../connectors/snowflake/source.ts';
import type { FailureCode } from '../../errors.ts';
import { failureOf, readAll, request } from './request.ts';
import { createSnowflakeDatabase, PASSWORD, peerAccount } from './snowflakeDatabase.ts';
import type { SnowflakeDatabase } from './snowflakeDatabase.ts';
import { serve } from './tlsProxy.ts';

const PEER = await peerAccount();
const peer = PEER.peer!;

const PASSPHRASE = 'a passphrase-3d9';
const PEM = { type: 'pkcs8', format: 'pem' } as const;
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OPEN_KEY = privateKey.export(PEM).toString();
const CLOSED_KEY = privateKey.export({ ...PEM, cipher: 'aes-256-cbc', passphrase: PASSPHRASE }).toString();
const OTHER_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(PEM).toString();
const ELLIPTIC_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(PEM).toString();

type Fields = Readonly<Record<string, unknown>>;

describe.skipIf(PEER.account === null)(`${PEER.name}:`, () => {
  let database: SnowflakeDatabase;

  beforeAll(async () => {
    database = await createSnowflakeDatabase(PEER, 30_000);
    await peer.addUser('KEYED', { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() });
  });

  afterEach(() => peer.fail({}));

  afterAll(async () => {
    await database.drop();
    await peer.stop();
  });

  /** Opens with secrets of the test's own. */
  const open = (fields: Fields, secrets: Readonly<Record<string, string>>) =>
    openSnowflake(
      database.config(fields),
      (reference) =>
        Promise.resolve(typeof reference === 'string' ? '' : (secrets[reference.secret] ?? PASSWORD)),
      new AbortController().signal,
    );

  const byKey = (secrets: Readonly<Record<string, string>>, more: Fields = {}) => {
    const fields = { user: 'KEYED', password: undefined, privateKey: { secret: 'key' }, ...more };
    return open(fields, secrets);
  };

  /** Fails to open, and tells nobody a secret on the way. */
  async function refusal(
    code: FailureCode,
    opening: Promise<unknown>,
    ...secrets: string[]
  ): Promise<string> {
    const failure = await failureOf(opening);
    expect({ code: failure.code, message: failure.message }).toEqual({ code, message: failure.message });
    const all = inspect(failure, { depth: 9, showHidden: true });
    for (const secret of [PASSWORD, PASSPHRASE, ...secrets]) expect(all).not.toContain(secret);
    return failure.message;
  }

  async function queryFailure(code: FailureCode, sql: string): Promise<string> {
    const source = await database.open();
    const message = await refusal(code, readAll(source, sql));
    await source.close();
    return message;
  }

  describe('signing in', () => {
    test('by a private key works, with a passphrase and without one', async () => {
      for (const source of [
        await byKey({ key: OPEN_KEY }),
        await byKey({ key: CLOSED_KEY, pass: PASSPHRASE }, { passphrase: { secret: 'pass' } }),
      ]) {
        expect((await readAll(source, 'SELECT 1 AS n')).rows).toEqual([['1']]);
        await source.close();
      }
    });

    test('a key that the user does not have is refused, and what to check is named', async () => {
      const message = await refusal('source_login_refused', byKey({ key: OTHER_KEY }), OTHER_KEY);
      expect(message).toMatch(
        /key of the user KEYED was refused.*secret key is the private key.*RSA_PUBLIC_KEY/,
      );
    });

    test('what is no key, of another type, or closed by another passphrase is said to be so', async () => {
      const passphrase = { passphrase: { secret: 'pass' } };
      for (const [words, opening] of [
        [/secret key.*no private key that can be used.*PKCS#8/, byKey({ key: 'no key' })],
        [/of the type ec/, byKey({ key: ELLIPTIC_KEY })],
        [/no private key that can be used/, byKey({ key: CLOSED_KEY })],
        [/no private key that can be used/, byKey({ key: CLOSED_KEY, pass: 'wrong' }, passphrase)],
      ] as const) {
        expect(await refusal('source_login_refused', opening, CLOSED_KEY)).toMatch(words);
      }
    });

    test('a wrong password says which user and which secret to check', async () => {
      const message = await refusal('source_login_refused', open({}, { reader: 'not-the-password-4e1' }));
      expect(message).toMatch(new RegExp(`user ${database.user} was refused.*secret reader.*390100`));
    });

    test('a role that is not granted, and an address that is not let in, are named', async () => {
      expect(await refusal('source_permission_denied', database.open({ role: 'NOT_GRANTED' }))).toMatch(
        /does not have the role NOT_GRANTED/,
      );
      const words = 'Incoming request with IP 192.0.2.1 is not allowed to access Snowflake.';
      await peer.addUser('OUTSIDE', { password: PASSWORD, refuse: ['390422', words] });
      expect(await refusal('source_login_refused', database.open({ user: 'OUTSIDE' }))).toMatch(
        /lets nobody in from the worker's address.*network policy.*192\.0\.2\.1/,
      );
    });

    test('a database that does not exist is named, though Snowflake lets one in', async () => {
      expect(await refusal('source_database_missing', database.open({ database: 'NO_SUCH_DB' }))).toMatch(
        /no database NO_SUCH_DB with a schema .*grant USAGE/,
      );
    });

    test('an account that does not exist is named', async () => {
      await peer.fail({ status: 404 });
      expect(await refusal('source_login_refused', database.open())).toMatch(
        /no account at .*HTTP 404.*check `account`/,
      );
    });

    test('what cannot be reached, or cannot be trusted, is named at once', async () => {
      const closed = await serve(() => undefined);
      await closed.stop();
      const url = `http://127.0.0.1:${closed.port}`;
      expect(await refusal('source_unreachable', database.open({ url }))).toMatch(
        /cannot be reached \(.*ECONNREFUSED/,
      );
      const silent = await serve((socket) => socket.destroy());
      const broken = database.open({ url: `https://127.0.0.1:${silent.port}` });
      expect(await refusal('source_unreachable', broken)).toMatch(/cannot be reached/);
      await silent.stop();
    });
  });

  describe('a query', () => {
    test('that has an error of grammar is shown in its line, with a caret', async () => {
      const message = await queryFailure('query_failed', 'SELECT 1 AS a,\n  2 AS b FORM c d');
      const [line, caret] = message.split('\n').slice(-2);
      expect(line).toMatch(/^ {2}line 2: {3}2 AS b FORM c d/);
      expect(caret).toMatch(/^ +\^$/);
    });

    test('that is stopped by somebody else says so', async () => {
      const source = await database.open();
      const ids: string[] = [];
      const resume = { from: null, started: (id: string) => void ids.push(id) };
      const answer = source.query(request('SELECT SYSTEM$WAIT(60) AS waited', { resume }));
      answer.catch(() => undefined);
      while (ids.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await database.run(`SELECT SYSTEM$CANCEL_QUERY('${ids[0]!}') AS done`);
      const failure = await failureOf(answer);
      expect(failure).toMatchObject({ code: 'source_statement_timeout', retryable: false });
      await source.close();
    });

    test('whose result is cut by a setting of the account is refused', async () => {
      const rowtype = [{ name: 'N', type: 'fixed', scale: 0 }];
      await peer.can({ 'SELECT n FROM cut': { rowtype, rows: [['1'], ['2']], returned: 1 } });
      expect(await queryFailure('limit_exceeded', 'SELECT n FROM cut')).toMatch(/hands over 1 of the 2 rows/);
    });

    test('goes on when the token of its session has expired', async () => {
      const source = await database.open();
      await peer.expire(database.user);
      expect((await readAll(source, 'SELECT 5 AS n')).rows).toEqual([['5']]);
      expect((await peer.state()).counts.renewals).toBe(1);
      await source.close();
    });
  });

  describe('a chunk', () => {
    const ALL = 'SELECT n FROM numbers ORDER BY n';

    test('that fails now and then, or whose address has expired, costs time alone', async () => {
      const source = await database.open();
      for (const faults of [{ chunks: 2 }, { chunks: 1, chunkStatus: 403 }]) {
        await peer.fail(faults);
        expect((await readAll(source, ALL)).rows).toHaveLength(30_000);
      }
      await source.close();
    });

    test('that lacks a row, or never comes, throws, and never just ends the result', async () => {
      for (const faults of [{ chunkLoses: 1 }, { chunks: 1_000 }]) {
        await peer.fail(faults);
        const source = await database.open();
        const failure = await failureOf(readAll(source, ALL));
        expect(failure).toMatchObject({ code: 'source_connection_lost', retryable: true });
        await source.close();
      }
    });
  });

  test('the driver writes no file, and says nothing', () => {
    expect(existsSync('snowflake.log')).toBe(false);
  });

  test('a session has settings of its own for all that changes values', async () => {
    const source = await database.open();
    const { sessions } = await peer.state();
    await source.close();
    const mine = sessions.find(({ user }) => user === database.user);
    expect(mine?.parameters).toMatchObject({
      TIMEZONE: "'UTC'",
      STRICT_JSON_OUTPUT: 'TRUE',
      ROWS_PER_RESULTSET: '0',
      MULTI_STATEMENT_COUNT: '1',
      ABORT_DETACHED_QUERY: 'FALSE',
    });
  });
});
