import { afterAll, beforeAll, describe } from 'vitest';
import { describeSource } from './contract.ts';
import type { SourceUnderTest } from './contract.ts';
import { createDatabase, OWN } from './postgresDatabase.ts';
import type { TestDatabase, TestServer } from './postgresDatabase.ts';
import { POSTGRES_VALUES } from './postgresValues.ts';

const TYPES = `
  CREATE TYPE mood AS ENUM ('sad', 'so so');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN moment AS timestamptz;
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN scores AS int[];
  CREATE TABLE guarded (id int);
  INSERT INTO guarded VALUES (1), (2);
  CREATE SEQUENCE counter;
  CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM guarded; RETURN 1; END $$;
  CREATE FUNCTION unlock() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN SET TRANSACTION READ WRITE; DELETE FROM guarded; RETURN 1; END $$;
  CREATE PROCEDURE escape(OUT n int) LANGUAGE plpgsql AS $$
    BEGIN COMMIT; SET TRANSACTION READ WRITE; DELETE FROM guarded; n := 1; END $$;
`;

const READ_ONLY = /only reads; nothing was changed.*read-only transaction/s;

async function count({ admin }: TestDatabase, sql: string): Promise<number> {
  const { rows } = await admin.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`);
  return rows[0]!.n;
}

const ACTIVITY = "pg_stat_activity WHERE datname = current_database() AND application_name = 'rowcast'";

const subjectOf = (name: string, database: () => TestDatabase): SourceUnderTest => ({
  name,
  open: (signal) => database().open({}, signal),
  values: POSTGRES_VALUES,
  rows: (rows, padChars) => `SELECT n, repeat('x', ${padChars}) AS pad FROM generate_series(1, ${rows}) AS n`,
  failsLate: 'SELECT n, 1 / (1001 - n) AS one FROM generate_series(1, 2000) AS n',
  slow: 'SELECT pg_sleep(60)',
  attempts: [
    ['INSERT', 'INSERT INTO guarded VALUES (3) RETURNING id', 'query_not_read_only', READ_ONLY],
    ['DELETE with RETURNING', 'DELETE FROM guarded RETURNING *', 'query_not_read_only', READ_ONLY],
    [
      'DELETE within WITH',
      'WITH d AS (DELETE FROM guarded RETURNING *) SELECT * FROM d',
      'query_not_read_only',
      READ_ONLY,
    ],
    [
      'SELECT INTO',
      'SELECT * INTO copied FROM guarded',
      'query_not_read_only',
      /returns no columns|only reads/,
    ],
    ['nextval', "SELECT nextval('counter')", 'query_not_read_only', READ_ONLY],
    ['setval', "SELECT setval('counter', 50)", 'query_not_read_only', READ_ONLY],
    ['a function that deletes', 'SELECT sneak()', 'query_not_read_only', READ_ONLY],
    ['FOR UPDATE', 'SELECT * FROM guarded FOR UPDATE', 'query_not_read_only', READ_ONLY],
    ['EXPLAIN ANALYZE of a DELETE', 'EXPLAIN ANALYZE DELETE FROM guarded', 'query_not_read_only', READ_ONLY],
    [
      'a function that makes the transaction writable',
      'SELECT unlock()',
      'query_failed',
      /read-write mode must be set before any query/,
    ],
    [
      'a procedure that ends the transaction',
      'CALL escape(NULL)',
      'query_failed',
      /invalid transaction termination/,
    ],
    [
      'set_config that makes the transaction writable',
      "SELECT set_config('transaction_read_only', 'off', false), sneak()",
      'query_failed',
      /read-write mode must be set before any query/,
    ],
    [
      'a second statement',
      'SELECT 1 AS n; DELETE FROM guarded',
      'query_multiple_statements',
      /more than one/,
    ],
    ['COMMIT and a DELETE', 'COMMIT; DELETE FROM guarded', 'query_multiple_statements', /more than one/],
    [
      'SET TRANSACTION READ WRITE and a DELETE',
      'SET TRANSACTION READ WRITE; DELETE FROM guarded',
      'query_multiple_statements',
      /more than one/,
    ],
  ],
  notQueries: [
    'DELETE FROM guarded',
    'UPDATE guarded SET id = 0',
    'TRUNCATE guarded',
    'DROP TABLE guarded',
    "SET TimeZone TO 'Asia/Tokyo'",
    'SET TRANSACTION READ WRITE',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
    'RESET ALL',
    'BEGIN',
    'COMMIT',
    'ROLLBACK',
    'LOCK TABLE guarded',
    'VACUUM',
    'DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM guarded; END $$',
    'COPY guarded TO STDOUT',
    'COPY guarded FROM STDIN',
    "COPY guarded TO PROGRAM 'cat > /tmp/rowcast-was-here'",
    'CREATE TEMP TABLE t (id int)',
    'DECLARE c CURSOR FOR SELECT 1',
    'PREPARE p AS DELETE FROM guarded',
    'LISTEN news',
    '-- only a comment',
    ';',
    '',
  ],
  async guarded() {
    const { rows } = await database().admin.query<Record<string, unknown>>(
      `SELECT (SELECT array_agg(id ORDER BY id) FROM guarded) AS ids,
        (SELECT last_value FROM counter) AS counter, to_regclass('copied') AS copied,
        (pg_stat_file('/tmp/rowcast-was-here', true)).size AS file`,
    );
    return rows;
  },
  statements: () => count(database(), `${ACTIVITY} AND state = 'active'`),
  connections: () => count(database(), ACTIVITY),
  async killConnections() {
    await database().admin.query(`SELECT pg_terminate_backend(pid) FROM ${ACTIVITY}`);
  },
  async clock() {
    const { rows } = await database().admin.query<{ ms: string }>(
      'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS ms',
    );
    return Number(rows[0]!.ms);
  },
});

function describePostgres(name: string, server: TestServer | undefined, isThere: boolean): void {
  describe.skipIf(!isThere)('over PostgreSQL’s protocol,', () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createDatabase(server);
      const { admin, role } = database;
      await admin.query(TYPES);
      // So that nothing but Rowcast stands between the role and the data.
      await admin.query(`ALTER TABLE guarded OWNER TO ${role}`);
      await admin.query(`GRANT ALL ON SEQUENCE counter TO ${role}`);
      await admin.query(`GRANT ALL ON SCHEMA public TO ${role}`);
      await admin.query(`GRANT pg_write_server_files, pg_execute_server_program TO ${role}`);
    });
    afterAll(() => database.drop());
    describeSource(subjectOf(name, () => database));
  });
}

describePostgres('a PostgreSQL source', undefined, true);
describePostgres(OWN.name, OWN.server ?? undefined, OWN.server !== null);
