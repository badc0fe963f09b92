import { afterAll, beforeAll, describe } from 'vitest';
import { OWN, openBigqueryDatabase, PEER } from './bigqueryDatabase.ts';
import type { BigqueryDatabase, ServiceOrReason } from './bigqueryDatabase.ts';
import { BIGQUERY_VALUES } from './bigqueryValues.ts';
import { describeSource } from './contract.ts';
import type { SourceUnderTest } from './contract.ts';

const NO_COLUMNS = /only reads.*SELECT/s;
const SCRIPT = /more than one statement.*not run/s;

const ATTEMPTS: SourceUnderTest['attempts'] = [
  ['INSERT', 'INSERT INTO guarded VALUES (3)', 'query_not_read_only', NO_COLUMNS],
  ['UPDATE', 'UPDATE guarded SET id = 0 WHERE TRUE', 'query_not_read_only', NO_COLUMNS],
  ['DELETE', 'DELETE FROM guarded WHERE TRUE', 'query_not_read_only', NO_COLUMNS],
  [
    'MERGE',
    'MERGE guarded g USING (SELECT 3 AS id) s ON g.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (3)',
    'query_not_read_only',
    NO_COLUMNS,
  ],
  ['CREATE TABLE AS', 'CREATE OR REPLACE TABLE guarded AS SELECT 9 AS id', 'query_not_read_only', NO_COLUMNS],
  [
    'a second statement',
    'SELECT 1 AS n; DELETE FROM guarded WHERE TRUE',
    'query_multiple_statements',
    SCRIPT,
  ],
  [
    'a statement made of text',
    "EXECUTE IMMEDIATE 'DELETE FROM guarded WHERE TRUE'",
    'query_multiple_statements',
    SCRIPT,
  ],
  [
    'a block',
    'BEGIN DELETE FROM guarded WHERE TRUE; SELECT 1 AS n; END',
    'query_multiple_statements',
    SCRIPT,
  ],
  [
    'a transaction',
    'BEGIN TRANSACTION; DELETE FROM guarded WHERE TRUE; COMMIT TRANSACTION',
    'query_multiple_statements',
    SCRIPT,
  ],
];

const NOT_QUERIES = ['TRUNCATE TABLE guarded', 'DROP TABLE guarded', 'CREATE TABLE t (id INT64)'];

/** local-bigquery hears of a cancellation between two steps alone. */
const SLOW_STEPS =
  'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) SELECT COUNT(*) AS n FROM r';
/** BigQuery takes at most 500 steps. */
const SLOW_PRODUCT = `SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a,
  UNNEST(GENERATE_ARRAY(1, 1000000)) AS b WHERE MOD(a * b, 7) = 8`;

function subjectOf(database: () => BigqueryDatabase, { name, url }: ServiceOrReason): SourceUnderTest {
  const running = async () => {
    const jobs = await database().jobs();
    return jobs.filter(({ state }) => state !== 'DONE').length;
  };
  return {
    name,
    open: (signal) => database().open({}, signal),
    values: BIGQUERY_VALUES,
    rows: (rows, padChars) =>
      `SELECT n, REPEAT('x', ${padChars}) AS pad FROM UNNEST(GENERATE_ARRAY(1, ${rows})) AS n ORDER BY n`,
    failsLate: `SELECT n, IF(n > 1000, ERROR('too late'), n) AS v FROM UNNEST(GENERATE_ARRAY(1, 2000)) AS n ORDER BY n`,
    slow: url === null ? SLOW_STEPS : SLOW_PRODUCT,
    attempts: ATTEMPTS,
    notQueries: NOT_QUERIES,
    sameNames: false,
    guarded: () => database().rows('SELECT id FROM guarded ORDER BY id'),
    statements: running,
    // Connections come and go with requests; what is held at the service is a job.
    connections: running,
    ...(url === null && { killConnections: () => database().cutOff() }),
    async clock() {
      const [row] = await database().rows('SELECT UNIX_MILLIS(CURRENT_TIMESTAMP())');
      return Number(row?.[0]);
    },
  };
}

function describeBigquery(service: ServiceOrReason): void {
  describe.skipIf(!service.isThere)('over BigQuery’s REST API,', () => {
    let database: BigqueryDatabase;
    beforeAll(async () => {
      database = await openBigqueryDatabase(service);
      await database.rows('CREATE OR REPLACE TABLE guarded (id INT64)');
      await database.rows('INSERT INTO guarded VALUES (1), (2)');
    });
    afterAll(() => database.stop());
    describeSource(subjectOf(() => database, service));
  });
}

describeBigquery(PEER);
describeBigquery(OWN);
