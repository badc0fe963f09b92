import { expect, test } from 'vitest';
import { checkStatement } from '../../connectors/mssql/statement.ts';
import { RowcastError } from '../../errors.ts';

function refusal(sql: string): RowcastError {
  try {
    checkStatement(sql);
  } catch (error) {
    if (error instanceof RowcastError) return error;
    throw error;
  }
  throw new Error(`it was taken: ${sql}`);
}

test('one SELECT is taken as it is, whatever is quoted in it', () => {
  const taken = [
    'SELECT 1 AS n',
    '(SELECT 1 AS n) UNION ALL (SELECT 2)',
    'WITH a AS (SELECT 1 AS n) SELECT n FROM a ORDER BY n OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY;',
    ';WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT n FROM b EXCEPT SELECT 2 INTERSECT SELECT 3;;',
    "SELECT 'DELETE; it''s' AS [delete; ]] into], N'EXEC' AS \"drop \"\"table\" FROM [update] AS [set]",
    'SELECT a.id, CASE WHEN a.x = ALL (SELECT 1) THEN 1 ELSE 2 END AS n FROM a INNER MERGE JOIN b ON a.id = b.id',
    "SELECT 1 AS n OPTION (MERGE JOIN, MERGE UNION, USE HINT ('FORCE_LEGACY_CARDINALITY_ESTIMATION'))",
    'SELECT deleted_at, last_update, [into], setting, x1delete, executed FROM dbo.inserts',
    'SELECT next, value FROM #temporary WHERE @@ROWCOUNT = 0',
    'SELECT 1.5e3union_, 0xfe, .5 FROM t',
  ];
  for (const sql of taken) expect(checkStatement(sql)).toBe(sql);
});

test('comments are sent as blanks, in which lines stay lines', () => {
  expect(checkStatement("SELECT 1 -- it's DELETE\r\n/* a /* nested; */\n 'b */ AS n -- ;")).toBe(
    `SELECT 1 ${' '.repeat(14)}\r\n${' '.repeat(18)}\n${' '.repeat(6)} AS n ${' '.repeat(4)}`,
  );
  expect(checkStatement("SELECT '--' AS a, [/*] AS b")).toBe("SELECT '--' AS a, [/*] AS b");
});

test.each([
  ['DELETE FROM t'],
  ['INSERT INTO t VALUES (1)'],
  ['WITH a AS (SELECT 1 AS n) DELETE FROM a'],
  ['WITH a AS (SELECT 1 AS n) MERGE t USING a ON 1 = 0 WHEN NOT MATCHED THEN INSERT VALUES (1);'],
  ['SELECT * INTO copy FROM t'],
  ['SELECT 1 AS n DELETE FROM t'],
  ['SELECT 1DELETE FROM t'],
  ['SELECT 1e1DELETE FROM t'],
  ['SELECT 1.DELETE FROM t'],
  ['SELECT 0x1INSERT INTO t VALUES (1)'],
  ['SELECT $1UPDATE t SET a = 1'],
  ["SELECT 'a'EXEC sp_configure 'x', 1"],
  ["SELECT [a]EXECUTE('DELETE FROM t')"],
  ['SELECT 1 AS n/**/COMMIT/**/TRAN'],
  ['SELECT 1 AS n -- it ends here\nROLLBACK'],
  ["SELECT 1 AS n --\r'\nDELETE FROM t --'"],
  ['SELECT 1 AS n /* /* */ */ TRUNCATE TABLE t'],
  ['SELECT 1 AS n\nGO\nDROP TABLE t'],
  ["SELECT 1 AS n WAITFOR DELAY '1:00'"],
  ['SELECT 1 AS n SET NOCOUNT ON'],
  ['SELECT 1 AS n USE master'],
  ['SELECT 1 AS n USE hint'],
  ['SELECT 1 AS n DISABLE TRIGGER a ON t'],
  ["SELECT * FROM OPENQUERY(other, 'DELETE FROM t')"],
  ["SELECT * FROM OPENROWSET('a', 'b', 'c')"],
  ['SELECT NEXT VALUE FOR counter AS n'],
  ['select next /* of */ value\nfor dbo.counter'],
])('%j is refused before it is sent', (sql) => {
  expect(refusal(sql).code).toBe('query_not_read_only');
});

test.each([
  ['SELECT 1 AS n; SELECT 2 AS n'],
  ['SELECT 1 AS n; COMMIT; DELETE FROM t'],
  ['SELECT 1 AS n SELECT 2 AS n'],
  ['WITH a AS (SELECT 1 AS n) SELECT n FROM a SELECT n FROM a'],
  ['SELECT 1 AS n;; THROW'],
])('%j is more than one statement', (sql) => {
  expect(refusal(sql).code).toBe('query_multiple_statements');
});

test.each([
  [''],
  [';'],
  ['-- only a comment'],
  ['sp_who'],
  ['THROW'],
  ['VALUES (1)'],
  ["'SELECT'"],
  ['[SELECT] 1'],
])('%j is no SELECT', (sql) => {
  expect(refusal(sql).message).toMatch(/is no SELECT.*plain SELECT/);
});

test('the word that is refused is shown in its line, with how to quote it', () => {
  const { message } = refusal('SELECT id AS userId,\n  update\nFROM people');
  expect(message).toContain('what is called UPDATE stands in brackets, [UPDATE].');
  expect(message).toContain('\n  line 2:   update\n            ^');
});
