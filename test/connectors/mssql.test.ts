import { afterAll, beforeAll, describe } from 'vitest';
import { describeSource } from './contract.ts';
import type { SourceUnderTest } from './contract.ts';
import { createMssqlDatabase, OWN } from './mssqlDatabase.ts';
import type { MssqlDatabase } from './mssqlDatabase.ts';
import { mssqlValues } from './mssqlValues.ts';

const OBJECTS = [
  'CREATE TABLE guarded (id int)',
  'INSERT INTO guarded VALUES (1), (2)',
  'CREATE SEQUENCE counter AS int START WITH 1 INCREMENT BY 1',
  `CREATE PROCEDURE escape_all AS BEGIN COMMIT; DELETE FROM guarded; SELECT 1 AS n; END`,
];

const NO_SELECT = /is no SELECT.*only reads.*plain SELECT/s;
const WORD = /has the word \w+.*nothing was changed.*in brackets/s;

const ATTEMPTS: SourceUnderTest['attempts'] = [
  ['INSERT', 'INSERT INTO guarded VALUES (3)', 'query_not_read_only', NO_SELECT],
  ['UPDATE', 'UPDATE guarded SET id = 0', 'query_not_read_only', NO_SELECT],
  ['DELETE', 'DELETE FROM guarded', 'query_not_read_only', NO_SELECT],
  ['DELETE with OUTPUT', 'DELETE FROM guarded OUTPUT deleted.id', 'query_not_read_only', NO_SELECT],
  ['a procedure that ends the transaction', 'EXEC escape_all', 'query_not_read_only', NO_SELECT],
  ['a procedure without EXEC', 'escape_all', 'query_not_read_only', NO_SELECT],
  ['SELECT … INTO', 'SELECT id INTO copy FROM guarded', 'query_not_read_only', WORD],
  [
    'a WITH that deletes',
    'WITH a AS (SELECT id FROM guarded) DELETE FROM a OUTPUT deleted.id',
    'query_not_read_only',
    WORD,
  ],
  [
    'COMMIT and DELETE without semicolons',
    'SELECT 1 AS n COMMIT DELETE FROM guarded',
    'query_not_read_only',
    WORD,
  ],
  ['EXECUTE of text', "SELECT 1 AS n EXECUTE ('DELETE FROM guarded')", 'query_not_read_only', WORD],
  ['a second statement', 'SELECT 1 AS n; DELETE FROM guarded', 'query_multiple_statements', /more than one/],
  ['a second SELECT', 'SELECT 1 AS n SELECT 2 AS n', 'query_multiple_statements', /more than one/],
  ['NEXT VALUE FOR', 'SELECT NEXT VALUE FOR counter AS n', 'query_not_read_only', /from a sequence/],
];

const NOT_QUERIES = [
  'TRUNCATE TABLE guarded',
  'DROP TABLE guarded',
  'SET NOCOUNT ON',
  'SET IMPLICIT_TRANSACTIONS ON',
  'BEGIN TRANSACTION',
  'COMMIT',
  'ROLLBACK',
  'DECLARE @a int',
  "WAITFOR DELAY '0:00:00'",
  "PRINT 'a'",
  'USE master',
  '-- only a comment',
  ';',
  '',
];

function subjectOf(database: () => MssqlDatabase, isBabelfish: boolean): SourceUnderTest {
  return {
    name: OWN.name,
    open: (signal) => database().open({}, signal),
    values: mssqlValues(isBabelfish),
    rows: (rows, padChars) =>
      `SELECT TOP (${rows}) n, REPLICATE(CAST('x' AS varchar(max)), ${padChars}) AS pad FROM numbers ORDER BY n`,
    failsLate: 'SELECT n, 1 / (1001 - n) AS v FROM numbers WHERE n <= 2000 ORDER BY n',
    slow: `SELECT COUNT_BIG(*) AS n FROM numbers a CROSS JOIN numbers b WHERE CAST(a.n AS bigint) * b.n = 8`,
    attempts: ATTEMPTS,
    notQueries: NOT_QUERIES,
    isDeaf: isBabelfish,
    async guarded() {
      const { admin } = database();
      return [
        await admin.rows('SELECT id FROM guarded ORDER BY id'),
        await admin.rows("SELECT current_value FROM sys.sequences WHERE name = 'counter'"),
        await admin.rows("SELECT OBJECT_ID('copy')"),
      ];
    },
    statements: async () => (await database().connections()).filter((isAtWork) => isAtWork).length,
    connections: async () => (await database().connections()).length,
    killConnections: () => database().killConnections(),
    async clock() {
      const sql = "SELECT DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME())";
      const [[ms] = []] = await database().admin.rows(sql);
      return Number(ms);
    },
  };
}

describe.skipIf(OWN.server === null)('over SQL Server’s protocol,', () => {
  let database: MssqlDatabase;
  beforeAll(async () => {
    database = await createMssqlDatabase(OWN.server, 300_000);
    for (const sql of OBJECTS) await database.admin.rows(sql);
    // So that nothing but Rowcast stands between the user and the data.
    const rights = ['SELECT, INSERT, UPDATE, DELETE ON guarded', 'EXECUTE ON escape_all'];
    for (const right of rights) await database.admin.rows(`GRANT ${right} TO ${database.reader}`);
  });
  afterAll(() => database.drop());
  describeSource(subjectOf(() => database, OWN.isBabelfish));
});
