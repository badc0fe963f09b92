import { afterAll, beforeAll, describe } from 'vitest';
import { describeSource } from './contract.ts';
import type { SourceUnderTest } from './contract.ts';
import { createSnowflakeDatabase, ownAccount, peerAccount } from './snowflakeDatabase.ts';
import type { AccountOrReason, SnowflakeDatabase } from './snowflakeDatabase.ts';
import { CANNED, SNOWFLAKE_VALUES } from './snowflakeValues.ts';

const NO_SELECT = /is no SELECT.*nothing was changed/s;

const ATTEMPTS: SourceUnderTest['attempts'] = [
  ['INSERT', 'INSERT INTO guarded VALUES (3)', 'query_not_read_only', NO_SELECT],
  ['UPDATE', 'UPDATE guarded SET id = 0', 'query_not_read_only', NO_SELECT],
  ['DELETE', 'DELETE FROM guarded', 'query_not_read_only', NO_SELECT],
  [
    'MERGE',
    'MERGE INTO guarded g USING (SELECT 1 AS id) s ON g.id = s.id WHEN MATCHED THEN DELETE',
    'query_not_read_only',
    NO_SELECT,
  ],
  ['a table made of a query', 'CREATE TABLE copied AS SELECT 1 AS a', 'query_not_read_only', NO_SELECT],
  ['a procedure', 'CALL sneak()', 'query_not_read_only', NO_SELECT],
  ['a statement in a text', "EXECUTE IMMEDIATE 'DELETE FROM guarded'", 'query_not_read_only', NO_SELECT],
  [
    'a second statement',
    'SELECT 1 AS n; DELETE FROM guarded',
    'query_multiple_statements',
    /more than one statement/,
  ],
  [
    'a statement that is piped into a SELECT',
    'DELETE FROM guarded ->> SELECT 1 AS n',
    'query_multiple_statements',
    /more than one statement, joined by "->>"/,
  ],
  ['an upload of a file of the worker', 'PUT file:///etc/hostname @~', 'query_not_read_only', NO_SELECT],
  ['a download to the worker', ' get @~ file:///tmp', 'query_not_read_only', NO_SELECT],
];

const NOT_QUERIES = [
  'TRUNCATE TABLE guarded',
  'DROP TABLE guarded',
  "ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'",
  'USE SCHEMA PUBLIC',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SHOW TABLES',
  'DESCRIBE TABLE guarded',
  '-- only a comment',
  ';',
  '',
];

function subjectOf(database: () => SnowflakeDatabase, { name, peer }: AccountOrReason): SourceUnderTest {
  const mine = async () => {
    const state = await peer!.state();
    const isMine = (user: string) => user === database().user;
    return {
      sessions: state.sessions.filter(({ user }) => isMine(user)).length,
      running: state.running.filter(isMine).length,
    };
  };
  return {
    name,
    open: (signal) => database().open({}, signal),
    values: SNOWFLAKE_VALUES,
    rows: (rows, padChars) =>
      `SELECT n, REPEAT('x', ${padChars}) AS pad FROM numbers WHERE n <= ${rows} ORDER BY n`,
    failsLate:
      "SELECT n, CAST(IFF(n = 1001, 'x', '1') AS NUMBER) AS one FROM numbers WHERE n <= 2000 ORDER BY n",
    slow: 'SELECT SYSTEM$WAIT(60) AS waited',
    attempts: ATTEMPTS,
    notQueries: NOT_QUERIES,
    isRemote: peer === null,
    guarded: () => database().run(`SELECT id FROM ${database().config().schema}.guarded ORDER BY id`),
    statements: async () => (await mine()).running,
    connections: async () => (await mine()).sessions,
    killConnections: () => peer!.kill(database().user),
    async clock() {
      const [row] = await database().run('SELECT DATE_PART(EPOCH_MILLISECOND, SYSDATE()) AS ms');
      return Number(row![0]);
    },
  };
}

function describeSnowflake(subject: AccountOrReason): void {
  describe.skipIf(subject.account === null)('over Snowflake’s protocol,', () => {
    let database: SnowflakeDatabase;
    beforeAll(async () => {
      database = await createSnowflakeDatabase(subject, 300_000);
      const { schema } = database.config();
      await database.run(`CREATE TABLE ${schema}.guarded (id NUMBER(38, 0))`);
      await database.run(`INSERT INTO ${schema}.guarded VALUES (1), (2)`);
      await subject.peer?.can(CANNED);
    });
    afterAll(async () => {
      await database.drop();
      await subject.peer?.stop();
    });
    describeSource(subjectOf(() => database, subject));
  });
}

describeSnowflake(await peerAccount());
describeSnowflake(ownAccount());
