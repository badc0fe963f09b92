import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MssqlConfig } from '../../connectors/mssql/config.ts';
import { openMssql } from '../../connectors/mssql/source.ts';
import type { FailureCode } from '../../errors.ts';
import { createMssqlDatabase, OWN, PASSWORD } from './mssqlDatabase.ts';
import type { MssqlDatabase } from './mssqlDatabase.ts';
import { failureOf, readAll } from './request.ts';

/* What a server of one's own refuses, and how the connector names it. Babelfish has numbers of its own for some. */

describe.skipIf(OWN.server === null)(`${OWN.name} that refuses`, () => {
  let database: MssqlDatabase;

  beforeAll(async () => {
    database = await createMssqlDatabase(OWN.server, 10);
    await database.admin.rows('CREATE TABLE hidden (id int)');
  });

  afterAll(() => database.drop());

  async function refusal(
    code: FailureCode,
    fields: Partial<MssqlConfig>,
    password = PASSWORD,
  ): Promise<string> {
    const signal = new AbortController().signal;
    const opening = openMssql(database.config(fields), () => Promise.resolve(password), signal);
    const failure = await failureOf(opening);
    expect({ code: failure.code, message: failure.message }).toEqual({ code, message: failure.message });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(password);
    return failure.message;
  }

  async function queryFailure(sql: string): Promise<{ code: FailureCode; message: string }> {
    const source = await database.open();
    try {
      const { code, message } = await failureOf(readAll(source, sql));
      return { code, message };
    } finally {
      await source.close();
    }
  }

  test('a wrong password says which user and which secret to check', async () => {
    const message = await refusal('source_login_refused', {}, 'not-the-password-4e1');
    expect(message).toMatch(new RegExp(`user ${database.reader} was refused.*secret reader`));
  });

  test('a user who does not exist is named', async () => {
    expect(await refusal('source_login_refused', { user: 'nobody_here' })).toContain('nobody_here');
  });

  test('a database that does not exist is named', async () => {
    expect(await refusal('source_database_missing', { database: 'no_such_db' })).toMatch(
      /no database no_such_db at .*check `database`/,
    );
  });

  test('a name that does not exist is shown in its line, with a caret below it', async () => {
    const { code, message } = await queryFailure('SELECT n,\n  nosuch\nFROM numbers');
    expect(code).toBe('query_failed');
    expect(message).toContain(`\n  line 2:   nosuch\n${' '.repeat('  line 2:   '.length)}^`);
  });

  test('an error of grammar is shown in its line', async () => {
    const { code, message } = await queryFailure('SELECT n\nFROM FROM numbers');
    expect(code).toBe('query_failed');
    expect(message).toMatch(/\n {2}line 2: FROM FROM numbers\n +\^$/);
  });

  test.runIf(!OWN.isBabelfish)('a user without the right to read a table is named', async () => {
    const { code, message } = await queryFailure('SELECT id FROM hidden');
    expect(code).toBe('source_permission_denied');
    expect(message).toMatch(new RegExp(`${database.reader} lacks a right.*hidden.*error 229`));
  });

  test('an overflow in a query is the query’s fault, in the server’s words', async () => {
    const { code, message } = await queryFailure('SELECT 2147483647 + n AS v FROM numbers');
    expect(code).toBe('query_failed');
    expect(message).toMatch(/correct it\. SQL Server says: .*\(error \d+\)/);
  });
});
