import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../until.ts';
import { startCollector } from './collector.ts';
import type { CollectedSpan, Collector } from './collector.ts';
import { startEngine, WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';

/* Traces of runs, as a collector receives them from a worker that has OpenTelemetry's usual variables. */

let collector: Collector;
let engine: Engine;

beforeAll(async () => {
  collector = await startCollector();
  engine = await startEngine({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collectors-key',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_SERVICE_NAME: 'shop-sync',
    },
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

/** The spans of a sync's run, once its root is there, which comes with its end. */
async function traceOf(sync: string): Promise<CollectedSpan[]> {
  const ofSync = () => collector.spans.filter(({ attributes }) => attributes['rowcast.sync'] === sync);
  await until(
    () => ofSync().some(({ name }) => name === 'run') && ofSync().some(({ name }) => name === 'finishRun'),
  );
  return ofSync();
}

const named = (spans: readonly CollectedSpan[], name: string) => spans.filter((span) => span.name === name);

test('a run is one trace, from its Schedule to the requests, which carry nothing of it', async () => {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    request.resume().on('end', () => response.end('{}'));
  });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const query = `SELECT n AS "userId", 'someone-private' AS name FROM generate_series(1, 5) n`;
  const sync = await engine.sync({ name: 'traced', query, destination: { kind: 'http', url } });
  const { run } = await engine.run(sync);
  const spans = await traceOf(sync);

  const [root, ...others] = named(spans, 'run');
  expect(others).toEqual([]);
  expect(root).toMatchObject({ service: 'shop-sync', parent: '', failed: false });
  expect(root?.attributes).toMatchObject({
    ...{ 'rowcast.run': run, 'rowcast.outcome': 'succeeded', 'rowcast.rows.delivered': 5 },
    'temporal.schedule.id': `rowcast-sync-${sync}`,
    'temporal.schedule.time': expect.stringMatching(/^\d{4}-.*Z$/) as string,
  });
  expect(new Set(spans.map(({ trace }) => trace))).toEqual(new Set([root?.trace]));
  for (const name of ['beginRun', 'extractRows', 'deliverLanes', 'settleRun', 'finishRun']) {
    expect(named(spans, name), name).toMatchObject([{ parent: root?.id, failed: false }]);
  }
  const [extract] = named(spans, 'extractRows');
  expect(named(spans, 'connect')).toMatchObject([{ parent: extract?.id, kind: 'CLIENT' }]);
  expect(named(spans, 'query')).toMatchObject([
    {
      parent: extract?.id,
      attributes: { 'db.system.name': 'postgresql', 'db.response.returned_rows': 5 },
    },
  ]);
  const [deliver] = named(spans, 'deliverLanes');
  const requests = named(spans, 'POST');
  expect(requests.map(({ parent, kind }) => [parent, kind])).toEqual(
    requests.map(() => [deliver?.id, 'CLIENT']),
  );
  expect(requests).toHaveLength(headers.length);
  expect(requests[0]?.attributes).toMatchObject({
    ...{ 'http.request.method': 'POST', 'http.response.status_code': 200, 'url.full': `${url}/batch` },
    'rowcast.meaning': 'accepted',
  });
  for (const span of spans) {
    expect(span.startMs).toBeGreaterThanOrEqual(root!.startMs);
    expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
  }
  expect(headers.flatMap((names) => Object.keys(names))).not.toContain('traceparent');
});

test('what failed, and is tried again, is seen; no secret and no value of a row is', async () => {
  engine.receiver.misbehave({ kind: 'answer', status: 503, body: 'someone-private', times: 2 });
  const sync = await engine.sync({ name: 'tried', query: `SELECT 'someone-private' AS "userId"` });
  await engine.run(sync);
  const requests = named(await traceOf(sync), 'POST');
  expect(requests.map(({ failed, attributes }) => [failed, attributes['http.response.status_code']])).toEqual(
    [...[true, true].map((failed) => [failed, 503]), [false, 200]],
  );
  expect(requests.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([
    undefined,
    1,
    2,
  ]);

  const broken = await engine.sync({ name: 'broken', query: `SELECT 'someone-private'::int AS "userId"` });
  await engine.run(broken);
  const spans = await traceOf(broken);
  for (const name of ['run', 'extractRows', 'query']) {
    expect(named(spans, name), name).toMatchObject([
      { failed: true, attributes: { 'error.type': 'query_failed' } },
    ]);
  }
  const unmapped = await engine.sync({ name: 'unmapped', query: 'SELECT 1 AS a, 2 AS a' });
  await engine.run(unmapped);
  const refused = await traceOf(unmapped);
  expect(named(refused, 'query')).toMatchObject([{ failed: false }]);
  expect(named(refused, 'extractRows')).toMatchObject([{ attributes: { 'error.type': 'mapping_invalid' } }]);

  const sent = Buffer.concat(collector.bodies);
  for (const private_ of [
    'someone-private',
    WRITE_KEY,
    'collectors-key',
    engine.env['ROWCAST_SECRET_SOURCE_PASSWORD'],
  ]) {
    expect(sent.includes(private_ ?? '?'), private_).toBe(false);
  }
});

test('a retry of failed rows is a trace too, which no Schedule began', async () => {
  const query = `SELECT CASE WHEN n > 1 THEN n END AS "userId" FROM generate_series(1, 2) n`;
  const sync = await engine.sync({ name: 'again', query });
  const { run } = await engine.run(sync);
  const retry = await engine.rowcast.imports.retry(run);
  await engine.rowcast.imports.wait(retry.run);
  const spans = () => collector.spans.filter(({ attributes }) => attributes['rowcast.run'] === retry.run);
  await until(() => named(spans(), 'run').length > 0 && named(spans(), 'finishRun').length > 0);
  const [root] = named(spans(), 'run');
  expect(root?.attributes).toMatchObject({ 'rowcast.trigger': 'retry', 'rowcast.sync': sync });
  expect(root?.attributes).not.toHaveProperty('temporal.schedule.id');
  expect(named(spans(), 'stageFailed')).toMatchObject([{ parent: root?.id }]);
  expect(spans().map(({ attributes }) => attributes['rowcast.sync'])).toEqual(spans().map(() => sync));
});
