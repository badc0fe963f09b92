import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { BigqueryConfig } from '../../connectors/bigquery/config.ts';
import { openBigquery } from '../../connectors/bigquery/source.ts';
import type { FailureCode, RowcastError } from '../../errors.ts';
import { failureOf, readAll, request } from './request.ts';
import { serve } from './tlsProxy.ts';

/*
 * What the service says, word by word as its documentation has it, from a server of the test's own: most of it
 * no stand-in for BigQuery ever says.
 */

interface Answer {
  readonly status?: number;
  readonly body: object;
}

/** What the server was asked. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: { readonly configuration?: { readonly query?: object; readonly dryRun?: boolean } };
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server that answers as it is told. */
async function service(answer: (asked: Asked) => Answer): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '', 'http://service');
      const text = Buffer.concat(chunks).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Asked['body'];
      const question = { method: incoming.method ?? '', path: url.pathname, query: url.searchParams, body };
      asked.push(question);
      const { status = 200, body: answered } = answer(question);
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  ends.push(() => server.closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const JOB = { jobReference: { projectId: 'my-project', jobId: 'j', location: 'EU' } };
const SELECT: Answer = { body: { ...JOB, statistics: { query: { statementType: 'SELECT' } } } };
const refused = (status: number, reason: string, message: string): Answer => ({
  status,
  body: { error: { code: status, message, errors: [{ reason, message, domain: 'global' }] } },
});

const config = (fields: object) =>
  BigqueryConfig.parse({ kind: 'bigquery', project: 'my-project', ...fields });
const signal = new AbortController().signal;
const open = (fields: object, secret = '') =>
  openBigquery(config(fields), () => Promise.resolve(secret), signal);

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
      ['1', null],
      ['1', null],
      ['1', 'p2'],
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

describe('a job of an attempt that died', () => {
  const RESULT = {
    body: {
      jobComplete: true,
      schema: { fields: [{ name: 'n', type: 'INTEGER' }] },
      totalRows: '1',
      rows: [{ f: [{ v: '1' }] }],
    },
  };
  const jobOf = (fields: object, ageMs = 60_000): Answer => ({
    body: { ...JOB, ...fields, statistics: { creationTime: String(Date.now() - ageMs) } },
  });

  /** Takes up a job that the service describes so. */
  async function takeUp(job: Answer) {
    const { url, asked } = await service(({ path }) => {
      if (path.includes('/queries/')) return RESULT;
      return path.endsWith('/jobs') ? SELECT : job;
    });
    const source = await open({ endpoint: url });
    const told: string[] = [];
    const resume = { from: 'EU/rowcast_before', started: (id: string) => void told.push(id) };
    const { pages, isResumed } = await source.query(request('SELECT n', { resume }));
    expect(await Array.fromAsync(pages)).toEqual([[['1']]]);
    await source.close();
    const read = asked.find(({ path }) => path.includes('/queries/'));
    return { told, isResumed, read, locations: asked.map(({ query }) => query.get('location')) };
  }

  test('is read without another one', async () => {
    const { told, isResumed, read } = await takeUp(jobOf({ status: { state: 'DONE' } }));
    expect({ told, isResumed, path: read?.path, location: read?.query.get('location') }).toEqual({
      told: [],
      isResumed: true,
      path: expect.stringMatching(/\/queries\/rowcast_before$/) as string,
      location: 'EU',
    });
  });

  test('is waited for where it still runs', async () => {
    expect(await takeUp(jobOf({ status: { state: 'RUNNING' } }))).toMatchObject({
      told: [],
      isResumed: true,
    });
  });

  const OF_NO_USE: readonly (readonly [string, Answer])[] = [
    ['failed', jobOf({ status: { state: 'DONE', errorResult: { reason: 'stopped' } } })],
    ['never began', refused(404, 'notFound', 'Not found: Job')],
    ['has a result that may end while it is read', jobOf({ status: { state: 'DONE' } }, 23 * 3_600_000)],
  ];
  test.each(OF_NO_USE)('that %s is followed by another one, which is told', async (_, job) => {
    const { told, isResumed, read } = await takeUp(job);
    expect(isResumed).toBe(false);
    expect(told).toEqual([expect.stringMatching(/^EU\/rowcast_[-0-9a-f]{36}$/)]);
    expect(read?.path).toContain(told[0]?.split('/')[1]);
  });

  test('goes on where the connection to it is lost, for the next attempt', async () => {
    let isAway = false;
    const { url, asked } = await service(({ path }) => {
      if (!path.includes('/queries/')) return SELECT;
      isAway = true;
      return { body: { jobComplete: false } };
    });
    const wire = await serve((socket) => {
      if (isAway) socket.destroy();
      else {
        const plain = connect(Number(new URL(url).port), '127.0.0.1');
        plain.on('error', () => socket.destroy());
        socket.pipe(plain).pipe(socket);
      }
    });
    const source = await open({ endpoint: `http://127.0.0.1:${wire.port}` });
    const resume = { from: null, started: () => undefined };
    const answer = failureOf(source.query(request('SELECT n', { resume })));
    while (!isAway) await new Promise((go) => setTimeout(go, 10));
    await wire.stop();
    expect((await answer).code).toBe('source_connection_lost');
    await source.close();
    expect(asked.some(({ path }) => path.endsWith('/cancel'))).toBe(false);
  });

  test('that was started twice, since its answer was lost, is read', async () => {
    const { url } = await service(({ path, body }) => {
      if (path.includes('/queries/')) return RESULT;
      const isStart = path.endsWith('/jobs') && body.configuration?.dryRun !== true;
      return isStart ? refused(409, 'duplicate', 'Already Exists: Job') : SELECT;
    });
    const source = await open({ endpoint: url });
    expect((await readAll(source, 'SELECT n')).rows).toEqual([['1']]);
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
    ends.push(() => void silent.stop());
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
