import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { FailureCode } from '../../errors.ts';
import { failureOf, until } from '../connectors/request.ts';
import { serveTls } from '../connectors/tlsProxy.ts';
import type { TestServer } from '../connectors/tlsProxy.ts';
import { startEngine } from './engine.ts';
import type { Engine, SyncFields } from './engine.ts';

/* What is wrong with a source, a query or its columns: what a run and a preview say, and what they leave. */

let engine: Engine;
let behindTls: TestServer;

beforeAll(async () => {
  engine = await startEngine();
  behindTls = await serveTls(inject('postgres'));
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, 'p' || n || '@example.com' AS email FROM generate_series(1, 3) n;
    CREATE TABLE kept AS SELECT 1 AS id;
    CREATE SEQUENCE counted;
  `);
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await behindTls.stop();
});

const GOOD = 'SELECT id AS "userId", email FROM people';

interface BadInput {
  readonly what: string;
  readonly code: FailureCode;
  /** The words that matter, each of them. */
  readonly says: readonly (string | RegExp)[];
  /** What the sync has instead of good input. */
  readonly fields: () => Partial<SyncFields>;
  /** What a preview does not meet, since it sends nothing. */
  readonly onlyRuns?: true;
}

const BAD: readonly BadInput[] = [
  {
    what: 'a secret that the worker does not have',
    code: 'secret_missing',
    says: [
      'The secret nobody-set-this is missing on the worker',
      'ROWCAST_SECRET_NOBODY_SET_THIS',
      'ROWCAST_SECRETS_DIR',
    ],
    fields: () => ({ test: false, source: { password: { secret: 'nobody-set-this' } } }),
  },
  {
    what: 'a secret named like a variable of the worker that is no secret',
    code: 'secret_missing',
    says: ['The secret path is missing on the worker', 'ROWCAST_SECRET_PATH'],
    fields: () => ({ test: false, source: { password: { secret: 'path' } } }),
  },
  {
    what: 'a write key that the worker does not have',
    code: 'secret_missing',
    says: ['The secret no-key is missing on the worker', 'ROWCAST_SECRET_NO_KEY'],
    fields: () => ({ destination: { writeKey: { secret: 'no-key' } } }),
    onlyRuns: true,
  },
  {
    what: 'a write key that is wrong',
    code: 'destination_refused',
    says: ['http://127.0.0.1', '/v1/batch', 'HTTP 401', 'the write key is wrong', 'Check its write key'],
    fields: () => ({ destination: { writeKey: { secret: 'source-password' } } }),
    onlyRuns: true,
  },
  {
    what: 'a host that cannot be reached',
    code: 'source_unreachable',
    says: ['db.rowcast.invalid', 'cannot be reached', 'check host'],
    fields: () => ({ test: false, source: { host: 'db.rowcast.invalid' } }),
  },
  {
    what: 'a wrong password',
    code: 'source_login_refused',
    says: [/The user postgres was refused at 127\.0\.0\.1:\d+/, 'the secret write-key'],
    fields: () => ({ test: false, source: { password: { secret: 'write-key' } } }),
  },
  {
    what: 'a database that does not exist',
    code: 'source_database_missing',
    says: ['There is no database nowhere at', 'check `database`'],
    fields: () => ({ test: false, source: { database: 'nowhere' } }),
  },
  {
    what: 'a certificate that cannot be verified',
    code: 'source_tls_failed',
    says: ['could not be verified', 'NODE_EXTRA_CA_CERTS', '`tls: require`'],
    fields: () => ({ test: false, source: { port: behindTls.port, tls: 'verify' } }),
  },
  {
    what: 'a server without TLS',
    code: 'source_tls_failed',
    says: ['does not offer TLS', '`tls: off`'],
    fields: () => ({ test: false, source: { tls: 'verify' } }),
  },
  {
    what: 'an error in the SQL',
    code: 'query_failed',
    says: ['column "nosuch" does not exist', '\n  line 2:   nosuch\n            ^'],
    fields: () => ({ query: 'SELECT id AS "userId",\n  nosuch\nFROM people WHERE {{last_sync_time}} = 0' }),
  },
  {
    what: 'an identify without a column for its person',
    code: 'mapping_invalid',
    says: ['no column "userId", "anonymousId" or "email"', 'id AS "userId"'],
    fields: () => ({ query: 'SELECT id FROM people' }),
  },
  {
    what: 'a track without an event',
    code: 'mapping_invalid',
    says: ['no column "event"', "'Signed up' AS event"],
    fields: () => ({ type: 'track' }),
  },
  {
    what: 'a group without a groupId',
    code: 'mapping_invalid',
    says: ['no column "groupId"', 'id AS "groupId"'],
    fields: () => ({ type: 'group' }),
  },
  {
    what: 'messageIdFrom without a timestamp',
    code: 'mapping_invalid',
    says: ['no column "timestamp"', '`messageIdFrom`'],
    fields: () => ({ messageIdFrom: ['email'] }),
  },
  {
    what: 'messageIdFrom with a column that is not there',
    code: 'mapping_invalid',
    says: ['`messageIdFrom` names the column "mail"', 'correct the name'],
    fields: () => ({ messageIdFrom: ['mail'], query: GOOD.replace('email', 'now() AS timestamp') }),
  },
  {
    what: 'two columns of one name',
    code: 'mapping_invalid',
    says: ['"email" and "email" both claim traits.email', 'rename or remove one'],
    fields: () => ({ query: 'SELECT id AS "userId", email, email FROM people' }),
  },
  {
    what: 'a column inside of another one',
    code: 'mapping_invalid',
    says: ['"cart" and "cart.id" both claim traits.cart', 'rename or remove one'],
    fields: () => ({ query: `SELECT id AS "userId", 1 AS "cart.id", '{}'::json AS cart FROM people` }),
  },
  {
    what: 'more columns than allowed',
    code: 'limit_exceeded',
    says: ['returns 514 columns', 'the limit of 512', '`limits.columnsMax`', 'select fewer'],
    fields: () => ({
      query: `SELECT id AS "userId", ${Array.from({ length: 513 }, (_, at) => `${at} AS c${at}`).join()} FROM people`,
    }),
  },
  {
    what: 'a longer column name than allowed',
    code: 'limit_exceeded',
    says: ['"a_rather_long_name" is 18 characters long', 'the limit of 10', 'shorten it with `AS`'],
    fields: () => ({
      query: 'SELECT id AS "userId", email AS a_rather_long_name FROM people',
      limits: { columnNameCharsMax: 10 },
    }),
  },
  {
    what: 'more rows than allowed',
    code: 'limit_exceeded',
    says: ['more than 2 rows', '`limits.rowsMax`', 'nothing was sent'],
    fields: () => ({ limits: { rowsMax: 2 } }),
    onlyRuns: true,
  },
  ...[
    'DELETE FROM kept',
    'WITH gone AS (DELETE FROM kept RETURNING *) SELECT id AS "userId" FROM gone',
    'SELECT id AS "userId" INTO copied FROM kept',
    `SELECT nextval('counted') AS "userId"`,
  ].map((query): BadInput => ({
    what: query,
    code: 'query_not_read_only',
    says: ['a sync only reads', 'nothing was changed', 'Make it a plain SELECT'],
    fields: () => ({ query }),
  })),
];

for (const [index, { what, code, says, fields, onlyRuns }] of BAD.entries()) {
  test(`${what}: the run says so, leaves nothing, and the next one without it has all rows`, async () => {
    const good = { name: `bad-${index}`, query: GOOD };
    const name = await engine.sync({ ...good, ...fields() });
    const requests = engine.receiver.requests;
    const before = engine.receiver.log.calls.length;

    if (onlyRuns === undefined) {
      const refusal = await failureOf(engine.rowcast.preview(name));
      expect(refusal.code).toBe(code);
      for (const words of says) expect(refusal.message).toMatch(words);
    }
    const failed = await engine.run(name);
    expect(failed).toMatchObject({ outcome: 'failed', errorCode: code, delivered: 0, since: 0 });
    for (const words of says) expect(failed.error).toMatch(words);
    expect(failed.error).not.toMatch(/\n\s+at /);
    await leavesNothing(name);
    expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(0);
    expect(engine.receiver.log.calls).toHaveLength(before);
    if (code !== 'destination_refused') expect(engine.receiver.requests).toBe(requests);

    await engine.sync(good);
    const repeated = await engine.run(name);
    expect(repeated).toMatchObject({ outcome: 'succeeded', rows: 3, delivered: 3, since: 0 });
    expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(repeated.until);
    expect(engine.receiver.log.calls).toHaveLength(before + 3);
    await noConnections();
  });
}

test('none of the queries that write has changed anything', async () => {
  const { rows } = await engine.sql.query(
    `SELECT (SELECT count(*)::int FROM kept) AS kept, (SELECT is_called FROM counted) AS called, to_regclass('copied') AS copied`,
  );
  expect(rows).toEqual([{ kept: 1, called: false, copied: null }]);
});

const ROWS_TOO_LARGE = [
  {
    what: 'a value',
    code: 'value_too_large',
    says: ['The column "note" holds 131075 bytes', 'the limit of 131072', 'shorten it in the query'],
    columns: (bad: string) => `repeat('x', CASE WHEN ${bad} THEN 131073 ELSE 1 END) AS note`,
  },
  {
    what: 'a record',
    code: 'record_too_large',
    says: [/The row holds 6\d{5} bytes/, 'the limit of 524288', 'select less'],
    columns: (bad: string) =>
      Array.from(
        { length: 5 },
        (_, at) => `repeat('x', CASE WHEN ${bad} THEN 130000 ELSE 1 END) AS note${at}`,
      ).join(),
  },
  {
    what: 'a call',
    code: 'call_too_large',
    says: [/The call is 4\d{4} bytes/, 'more than the 32', 'select less for this row'],
    columns: (bad: string) => `repeat('x', CASE WHEN ${bad} THEN 40000 ELSE 1 END) AS note`,
  },
];

for (const { what, code, says, columns } of ROWS_TOO_LARGE) {
  test(`${what} that is too large costs its row alone, and the window moves`, async () => {
    const query = `SELECT id::text AS "userId", ${columns('id = 2')} FROM people ORDER BY id`;
    const before = engine.receiver.log.calls.length;
    const name = await engine.sync({ name: code.replaceAll('_', '-'), query });
    const ended = await engine.run(name);
    expect(ended).toMatchObject({ outcome: 'succeeded_with_errors', rows: 3, delivered: 2, failed: 1 });
    expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(ended.until);
    const errors = await Array.fromAsync(engine.rowcast.imports.errors(ended.run));
    expect(errors).toMatchObject([{ row: 2, code, data: { userId: '2' } }]);
    for (const words of says) expect(errors[0]?.message).toMatch(words);
    const users = engine.receiver.log.calls.slice(before).map(({ userId }) => userId);
    expect(users.sort()).toEqual(['1', '3']);
  });
}

async function leavesNothing(name: string): Promise<void> {
  expect((await engine.filesLeft()).filter((file) => file.includes(name))).toEqual([]);
  await noConnections();
}

/** A backend goes a moment after its connection. */
async function noConnections(): Promise<void> {
  await until(async () => {
    const { rows } = await engine.sql.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1`,
      [engine.database],
    );
    return rows.length === 0;
  });
}
