import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../dev/port.ts';
import { createLog } from '../../worker/log.ts';
import { asksForTraces } from '../../worker/traces.ts';
import { startTracing } from '../../worker/tracing.ts';
import { batchLimits, rootSampler } from '../../worker/tracingEnvironment.ts';
import { until } from '../until.ts';

afterEach(() => vi.unstubAllEnvs());

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test('traces are asked for by an endpoint or an exporter, and refused by either', () => {
  expect(asksForTraces({})).toBe(false);
  expect(asksForTraces(ENDPOINT)).toBe(true);
  expect(asksForTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector/v1/traces' })).toBe(true);
  expect(asksForTraces({ OTEL_TRACES_EXPORTER: 'otlp' })).toBe(true);
  expect(asksForTraces({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBe(false);
  expect(asksForTraces({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBe(false);
  expect(asksForTraces({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' })).toBe(true);
  const own = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  expect(asksForTraces({ ...ENDPOINT, ...own })).toBe(true);
});

test('what Rowcast does not know of OpenTelemetry is refused by its name', () => {
  const refusals: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => asksForTraces({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
      /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; for its traces Rowcast knows http\/protobuf, which collectors take/,
    ],
    [() => asksForTraces({ OTEL_TRACES_EXPORTER: 'zipkin' }), /knows otlp or none/],
    [() => rootSampler({ OTEL_TRACES_SAMPLER: 'jaeger_remote' }), /knows always_on, always_off and/],
    [
      () => rootSampler({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }),
      /OTEL_TRACES_SAMPLER_ARG is "2"; .*a share of runs from 0 to 1/,
    ],
    [() => batchLimits({ OTEL_BSP_MAX_QUEUE_SIZE: 'many' }), /knows whole numbers from 1/],
  ];
  for (const [call, words] of refusals) expect(call).toThrow(words);
  expect(rootSampler({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }).toString()).toBe('AlwaysOffSampler');
  expect(
    rootSampler({
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '.25',
    }).toString(),
  ).toBe('TraceIdRatioBased{0.25}');
  expect(batchLimits({ OTEL_BSP_SCHEDULE_DELAY: '100' })).toEqual({ scheduledDelayMillis: 100 });
});

test('a collector that is away is a line, which holds no key of its own, and nobody waits for it', async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collectors-key',
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    OTEL_BSP_SCHEDULE_DELAY: '10',
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const lines: string[] = [];
  const secrets: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const traces = startTracing(
    env,
    createLog({}, stream, (text) => text),
    (secret) => secrets.push(secret),
  );
  const work = { name: 'run', activity: 'deliverLanes', sync: 'people', run: 'run~1' };
  const trySome = async () => {
    const span = traces.attempt(work, { activityId: '1', attempt: 1, taskQueue: 'queue' });
    span.asked('to', {
      ...{ url: 'https://cdp.example/v1/batch', ms: 5, meaning: 'later', status: null },
      ...{ calls: 1, bytes: 100, tries: 0 },
    });
    span.end('destination_unavailable');
    await sleep(700);
  };
  await trySome();
  await until(() => lines.length > 0);
  await trySome();
  await traces.shutdown();
  expect(lines).toEqual([expect.stringMatching(/"level":"warn","message":"Traces cannot be sent: .*"/)]);
  expect(secrets).toContain('Bearer collectors-key');
});

const HOOK = `
  import { registerHooks } from 'node:module';
  const load = (url, context, next) => { if (url.includes('@opentelemetry')) console.log(url); return next(url, context); };
  registerHooks({ load });`;

/** Which of OpenTelemetry's modules a file of ours loads. */
function loadedBy(file: string): string {
  const hook = `data:text/javascript,${encodeURIComponent(HOOK)}`;
  const path = join(import.meta.dirname, '..', '..', file);
  const code = `import(${JSON.stringify(path)})`;
  return execFileSync(process.execPath, ['--import', hook, '-e', code], { encoding: 'utf8' });
}

test('a worker that nobody asks for traces loads nothing of OpenTelemetry', () => {
  expect(loadedBy('worker.ts')).toBe('');
  expect(loadedBy('worker/tracing.ts')).toContain('@opentelemetry');
});
