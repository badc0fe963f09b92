import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { JOB, open, refused, SELECT, service } from './bigqueryService.ts';
import type { Answer } from './bigqueryService.ts';
import { failureOf, readAll, request } from './request.ts';
import { serve } from './tlsProxy.ts';

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

  test.each([
    ['is stopped where its run is cancelled', false],
    ['goes on where its worker is stopped and another one takes it up', true],
  ])('%s', async (_, goesOn) => {
    const abort = new AbortController();
    const { url, asked } = await service(({ path }) => {
      if (!path.includes('/queries/')) return SELECT;
      abort.abort(new Error('aborted'));
      return { body: { jobComplete: false } };
    });
    const source = await open({ endpoint: url });
    const resume = { from: null, started: () => undefined, goesOn: () => goesOn };
    const answer = source.query(request('SELECT n', { resume, signal: abort.signal }));
    await expect(answer).rejects.toThrow('aborted');
    await source.close();
    expect(asked.some(({ path }) => path.endsWith('/cancel'))).toBe(!goesOn);
  });

  test('is not begun where the driver would change a text of the query', async () => {
    const { url, asked } = await service(() => SELECT);
    const source = await open({ endpoint: url });
    const before = asked.length;
    const failure = await failureOf(source.query(request("SELECT '{{projectId}}' AS n")));
    expect(failure).toMatchObject({
      code: 'query_failed',
      message: expect.stringContaining('it was not run') as string,
    });
    expect(asked).toHaveLength(before);
    await source.close();
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
