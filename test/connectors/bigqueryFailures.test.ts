import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FailureCode, RowcastError } from '../../errors.ts';
import { JOB, open, refused, SELECT, service } from './bigqueryService.ts';
import type { Answer } from './bigqueryService.ts';
import { failureOf, readAll, request } from './request.ts';
import { serve } from './tlsProxy.ts';

/** A service whose queries fail so, while it can be opened. */
async function failing(answer: Answer, sql = 'SELECT 1 AS n'): Promise<RowcastError> {
  const { url } = await service(({ path, body }) => {
    if (path.endsWith('/jobs') && body.configuration?.dryRun === true) return SELECT;
    return path.endsWith('/jobs') ? { body: JOB } : answer;
  });
  const source = await open({ endpoint: url });
  try {
    return await failureOf(readAll(source, sql));
  } finally {
    await source.close();
  }
}

describe('a BigQuery that', () => {
  const REASONS: readonly (readonly [string, number, string, FailureCode, RegExp])[] = [
    ['takes no credentials', 401, 'authError', 'source_login_refused', /default credentials/],
    ['denies a table', 403, 'accessDenied', 'source_permission_denied', /lacks a right.*my-project/],
    ['is not billed to anybody', 403, 'billingNotEnabled', 'source_permission_denied', /lacks a right/],
    ['would bill too much', 400, 'bytesBilledLimitExceeded', 'limit_exceeded', /`maximumBytesBilled`/],
    ['was told to stop', 400, 'stopped', 'source_statement_timeout', /administrator/],
    ['took too long', 400, 'timeout', 'source_statement_timeout', /time-out/],
    ['has used up its quota', 403, 'quotaExceeded', 'source_busy', /too busy.*tries again/],
    ['has a bad day', 400, 'jobBackendError', 'source_busy', /tries again/],
    ['finds the query too large', 400, 'resourcesExceeded', 'query_failed', /correct it/],
    ['says what nobody knows', 418, 'teapot', 'query_failed', /\(teapot, 418\)/],
  ];
  test.each(REASONS)('%s', async (_, status, reason, code, says) => {
    const failure = await failing(refused(status, reason, `The words of ${reason}.`));
    expect({ code: failure.code, message: failure.message }).toEqual({
      code,
      message: expect.stringMatching(says) as string,
    });
    expect(failure.message).toContain(`BigQuery says: The words of ${reason}.`);
  });

  test('does not know the dataset says so, and a table is a matter of the query', async () => {
    const dataset = await failing(
      refused(404, 'notFound', 'Not found: Dataset my-project:nope was not found'),
    );
    expect(dataset.code).toBe('source_database_missing');
    const table = await failing(
      refused(404, 'notFound', 'Not found: Table my-project:shop.nope was not found'),
    );
    expect(table.code).toBe('query_failed');
  });

  test('finds fault with a place in the query has it shown', async () => {
    const words = 'Unrecognized name: emali; Did you mean email? at [2:14]';
    const { message } = await failing(
      refused(400, 'invalidQuery', words),
      'SELECT\n  id AS "😀", emali\nFROM t',
    );
    expect(message).toMatch(/\n {2}line 2: {3}id AS "😀", emali\n {24}\^$/);
  });

  test('is out of order for a moment is asked again', async () => {
    let failures = 0;
    const { url } = await service(() => {
      failures += 1;
      return failures === 1 ? refused(503, 'backendError', 'try later') : SELECT;
    });
    const source = await open({ endpoint: url });
    await source.close();
    expect(failures).toBe(2);
  });

  test('ends its answers before the rows that it counted makes the read fail, and never just end', async () => {
    const schema = { fields: [{ name: 'n', type: 'INTEGER' }] };
    const answer = { body: { jobComplete: true, schema, totalRows: '3', rows: [{ f: [{ v: '1' }] }] } };
    const failure = await failing(answer);
    expect(failure).toMatchObject({ code: 'source_connection_lost', retryable: true });
    expect(failure.message).toMatch(/1 rows of a result of 3/);
  });

  test('answers a query slowly is waited for, page by page', async () => {
    const schema = { fields: [{ name: 'n', type: 'INT64' }] };
    const pages = [
      { jobComplete: false },
      { jobComplete: true, schema, totalRows: '2', rows: [{ f: [{ v: '1' }] }], pageToken: 'p2' },
      { jobComplete: true, schema, totalRows: '2', rows: [{ f: [{ v: '2' }] }] },
    ];
    const { url, asked } = await service(({ path }) =>
      path.endsWith('/jobs') ? SELECT : { body: pages.shift() ?? {} },
    );
    const source = await open({ endpoint: url, location: 'EU', dataset: 'shop', maximumBytesBilled: 5e9 });
    expect((await readAll(source, 'SELECT n', { pageRows: 1 })).rows).toEqual([['1'], ['2']]);
    await source.close();
    const [, , started, ...fetched] = asked;
    expect(started?.body).toMatchObject({
      jobReference: { projectId: 'my-project', location: 'EU' },
      configuration: {
        query: {
          query: 'SELECT n',
          useLegacySql: false,
          maximumBytesBilled: '5000000000',
          defaultDataset: { projectId: 'my-project', datasetId: 'shop' },
        },
      },
    });
    expect(fetched.map(({ query }) => [query.get('maxResults'), query.get('pageToken')])).toEqual([
      ['4', null],
      ['4', null],
      ['4', 'p2'],
    ]);
  });

  test('is left in the midst of a query is told to stop it', async () => {
    const { url, asked } = await service(({ path }) =>
      path.endsWith('/jobs') ? SELECT : { body: { jobComplete: false } },
    );
    const source = await open({ endpoint: url });
    const abort = new AbortController();
    const answer = source.query(request('SELECT 1', { signal: abort.signal }));
    answer.catch(() => undefined);
    while (!asked.some(({ path }) => path.includes('/queries/')))
      await new Promise((go) => setTimeout(go, 10));
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    expect(asked.some(({ path }) => /\/jobs\/rowcast_[^/]+\/cancel$/.test(path))).toBe(true);
    await source.close();
  });
});

describe('a BigQuery that cannot be reached:', () => {
  test('nobody listens', async () => {
    const { code, message } = await failureOf(open({ endpoint: 'http://127.0.0.1:1' }));
    expect(code).toBe('source_unreachable');
    expect(message).toMatch(/127\.0\.0\.1:1 cannot be reached/);
  });

  test('somebody takes connections and never speaks BigQuery', async () => {
    const silent = await serve((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    onTestFinished(() => silent.stop());
    const { code } = await failureOf(open({ endpoint: `http://127.0.0.1:${silent.port}` }));
    expect(code).toBe('source_unreachable');
  });
});

describe('a secret that is no key', () => {
  const SECRETS: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', 'hunter2-7c1', /it is no JSON/],
    [
      'the key of another kind of account',
      '{"type":"authorized_user","refresh_token":"hunter2-7c1"}',
      /its type/,
    ],
    [
      'credentials that name a file or a URL to ask',
      '{"type":"external_account","credential_source":{"file":"/etc/passwd"},"token_url":"https://hunter2-7c1"}',
      /its type/,
    ],
    [
      'a key without its private half',
      '{"type":"service_account","client_email":"hunter2-7c1@example.com"}',
      /its private_key is missing/,
    ],
    [
      'a private key that was cut short',
      JSON.stringify({
        type: 'service_account',
        client_email: 'rowcast@example.com',
        private_key: '-----BEGIN PRIVATE KEY-----\nhunter2-7c1\n-----END PRIVATE KEY-----\n',
      }),
      /did not take the key in the secret bigquery-key/,
    ],
  ];
  test.each(SECRETS)('(%s) is refused, named and not shown', async (_, secret, says) => {
    const failure = await failureOf(open({ key: { secret: 'bigquery-key' } }, secret));
    expect({ code: failure.code, message: failure.message }).toEqual({
      code: 'source_login_refused',
      message: expect.stringMatching(says) as string,
    });
    expect(failure.message).toContain('bigquery-key');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('hunter2-7c1');
  });
});
