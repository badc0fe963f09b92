import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeSource } from './contract.ts';
import type { SourceUnderTest } from './contract.ts';
import { createMysqlDatabase, MARIADB, OWN } from './mysqlDatabase.ts';
import type { MysqlDatabase, ServerOrReason } from './mysqlDatabase.ts';
import { mysqlValues } from './mysqlValues.ts';

const OBJECTS = [
  'CREATE TABLE guarded (id int)',
  'INSERT INTO guarded VALUES (1), (2)',
  'CREATE FUNCTION sneak() RETURNS int DETERMINISTIC BEGIN DELETE FROM guarded; RETURN 1; END',
  `CREATE FUNCTION unlock_all() RETURNS int DETERMINISTIC
    BEGIN SET SESSION TRANSACTION READ WRITE; DELETE FROM guarded; RETURN 1; END`,
  `CREATE PROCEDURE escape_all()
    BEGIN COMMIT; SET SESSION TRANSACTION READ WRITE; DELETE FROM guarded; SELECT 1 AS n; END`,
];

const READ_ONLY = /only reads; nothing was changed.*READ ONLY transaction/s;
const NO_COLUMNS = /returns no columns.*SELECT/s;
const FILE = '/tmp/rowcast-mysql-was-here';

type Attempts = SourceUnderTest['attempts'];

const ATTEMPTS: Attempts = [
  ['INSERT', 'INSERT INTO guarded VALUES (3)', 'query_not_read_only', /only reads/],
  ['UPDATE', 'UPDATE guarded SET id = 0', 'query_not_read_only', /only reads/],
  ['DELETE', 'DELETE FROM guarded', 'query_not_read_only', /only reads/],
  ['a function that deletes', 'SELECT sneak()', 'query_not_read_only', READ_ONLY],
  ['a function that makes the session writable', 'SELECT unlock_all()', 'query_not_read_only', READ_ONLY],
  ['a procedure that ends the transaction', 'CALL escape_all()', 'query_not_read_only', NO_COLUMNS],
  ['INTO OUTFILE', `SELECT * FROM guarded INTO OUTFILE '${FILE}'`, 'query_not_read_only', NO_COLUMNS],
  ['INTO DUMPFILE', `SELECT 1 INTO DUMPFILE '${FILE}'`, 'query_not_read_only', NO_COLUMNS],
  ['a second statement', 'SELECT 1 AS n; DELETE FROM guarded', 'query_multiple_statements', /more than one/],
  ['COMMIT and a DELETE', 'COMMIT; DELETE FROM guarded', 'query_multiple_statements', /more than one/],
];

/** What only MariaDB has. */
const MARIADB_ATTEMPTS: Attempts = [
  ['DELETE with RETURNING', 'DELETE FROM guarded RETURNING *', 'query_not_read_only', READ_ONLY],
  ['INSERT with RETURNING', 'INSERT INTO guarded VALUES (3) RETURNING id', 'query_not_read_only', READ_ONLY],
  [
    'DELETE with a setting of its own',
    "SET STATEMENT sql_mode = '' FOR DELETE FROM guarded RETURNING id",
    'query_not_read_only',
    READ_ONLY,
  ],
  ['ANALYZE of a DELETE', 'ANALYZE DELETE FROM guarded', 'query_not_read_only', READ_ONLY],
  ['NEXTVAL', 'SELECT NEXTVAL(counter)', 'query_not_read_only', READ_ONLY],
  ['SETVAL', 'SELECT SETVAL(counter, 50)', 'query_not_read_only', READ_ONLY],
];

const NOT_QUERIES = [
  'TRUNCATE guarded',
  'DROP TABLE guarded',
  "SET time_zone = '+05:00'",
  'SET SESSION TRANSACTION READ WRITE',
  'START TRANSACTION',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'LOCK TABLES guarded WRITE',
  'CREATE TEMPORARY TABLE t (id int)',
  "PREPARE p FROM 'DELETE FROM guarded'",
  'SELECT 1 INTO @a',
  'DO SLEEP(0)',
  'FLUSH TABLES',
  '-- only a comment',
  ';',
  '',
];

function subjectOf(
  database: () => MysqlDatabase,
  { name, isMariadb }: ServerOrReason,
  values: SourceUnderTest['values'],
): SourceUnderTest {
  return {
    name,
    open: (signal) => database().open({}, signal),
    values,
    stored: 'samples',
    rows: (rows, padChars) =>
      `SELECT n, REPEAT('x', ${padChars}) AS pad FROM numbers WHERE n <= ${rows} ORDER BY n`,
    failsLate: 'SELECT n, 9223372036854774807 + n AS sum FROM numbers WHERE n <= 2000 ORDER BY n',
    slow: 'SELECT SLEEP(60) AS slept',
    attempts: isMariadb ? [...ATTEMPTS, ...MARIADB_ATTEMPTS] : ATTEMPTS,
    notQueries: NOT_QUERIES,
    async guarded() {
      const counter = isMariadb ? await database().rows('SELECT * FROM counter') : [];
      return [await database().rows('SELECT * FROM guarded ORDER BY id'), counter, existsSync(FILE)];
    },
    async statements() {
      const connections = await database().connections();
      return connections.filter((row) => !Object.values(row).includes('Sleep')).length;
    },
    connections: async () => (await database().connections()).length,
    killConnections: () => database().killConnections(),
    async clock() {
      const [row] = await database().rows(
        "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000 AS ms",
      );
      return Number(row!['ms']);
    },
  };
}

function describeMysql(subject: ServerOrReason): void {
  const { server, isMariadb } = subject;
  describe.skipIf(server === null)('over MySQL’s protocol,', () => {
    const { values, setUp } = mysqlValues(isMariadb);
    let database: MysqlDatabase;
    beforeAll(async () => {
      database = await createMysqlDatabase(server, 300_000);
      for (const sql of OBJECTS) await database.admin.query(sql);
      if (isMariadb) await database.admin.query('CREATE SEQUENCE counter');
      for (const sql of setUp) await database.admin.query(sql);
      // So that nothing but Rowcast stands between the user and the data.
      await database.admin.query(`GRANT ALL ON ${database.name}.* TO ${database.reader}@'%'`);
      await database.admin.query(`GRANT FILE ON *.* TO ${database.reader}@'%'`);
    });
    afterAll(() => database.drop());
    describeSource(subjectOf(() => database, subject, values));
  });
}

describeMysql(MARIADB);
describeMysql(OWN);
