import { createHash } from 'node:crypto';
import querystring from 'node:querystring';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  SamplingDecision,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { IdGenerator, Sampler } from '@opentelemetry/sdk-trace';
import type { Asked } from '../delivery/sender.ts';
import { isFailureCode } from '../errors.ts';
import { parseRunName, scheduleId } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import { discreetWords } from '../workflows/discreetWords.ts';
import type { Log } from './log.ts';
import { batchLimits, rootSampler } from './tracingEnvironment.ts';
import type { AttemptOf, AttemptSpan, Attributes, PartSpan, Traces } from './traces.ts';
import type { Work } from './problems.ts';

/*
 * The one file that speaks OpenTelemetry.
 *
 * The ids of a run's trace and of its root follow from the run's name. So every worker knows them, whichever of them
 * works for the run, and no header has to go through Temporal: nothing in a workflow, nor in its history, depends on
 * whether it is traced.
 */

/** Sending what is left takes no longer than this when a worker stops. */
const SHUTDOWN_MS = 3_000;

/** @param remember told of the secrets in the exporter's variables, which what it says may hold */
export function startTracing(env: NodeJS.ProcessEnv, log: Log, remember: (secret: string) => void): Traces {
  for (const secret of headerValues(env)) remember(secret);
  const logOnce = once(log);
  diag.setLogger(
    { error: logOnce, warn: logOnce, info: () => {}, debug: () => {}, verbose: () => {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const root = rootSampler(env);
  const ids = new Ids();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    idGenerator: ids,
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'rowcast-worker' }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    // A span for which there is no room is dropped, rather than that anything waits for it.
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...batchLimits(env) })],
  });
  const tracer = provider.getTracer('rowcast');
  return {
    attempt: (work, about) => new OpenAttempt(tracer, work, about, parentOf(work.run ?? '', root)),
    ended: (record) => endRun(tracer, ids, record),
    shutdown: () =>
      Promise.race([
        provider.shutdown().catch(() => undefined),
        sleep(SHUTDOWN_MS, undefined, { ref: false }),
      ]),
  };
}

/** What collectors that ask for a key are given: `name=value,name=value`, where values may have percent codes. */
function headerValues(env: NodeJS.ProcessEnv): string[] {
  return ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']
    .flatMap((variable) => (env[variable] ?? '').split(','))
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim())
    .flatMap((value) => [value, querystring.unescape(value)]);
}

/** Random ids, but for the root of a run's trace. */
class Ids implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #next: TraceIds | null = null;

  /** The ids of the next span that is started, which has no parent. */
  nextAre(ids: TraceIds): void {
    this.#next = ids;
  }

  generateSpanId(): string {
    return this.#next?.spanId ?? this.#random.generateSpanId();
  }

  /** Asked for after that of the span, and only for one that has no parent. */
  generateTraceId(): string {
    const traceId = this.#next?.traceId ?? this.#random.generateTraceId();
    this.#next = null;
    return traceId;
  }
}

interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** The ids of a run's trace and of its root. */
function idsOf(run: string): TraceIds {
  const digest = createHash('sha256').update(run).digest('hex');
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

/** The root of a run's trace, which is made when the run has ended, as the parent of what happens before. */
function parentOf(run: string, root: Sampler): Context {
  const { traceId, spanId } = idsOf(run);
  const { decision } = root.shouldSample(ROOT_CONTEXT, traceId, ROOT_NAME, SpanKind.INTERNAL, {}, []);
  const isSampled = decision === SamplingDecision.RECORD_AND_SAMPLED;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

const ROOT_NAME = 'run';

/** A run's workflow id ends with the time for which its Schedule started it. */
const SCHEDULED_AT = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

function endRun(tracer: Tracer, ids: Ids, record: ImportRecord): void {
  const { run, sync, outcome, errorCode, error } = record;
  const { workflowId = '' } = parseRunName(run) ?? {};
  const scheduledAt = SCHEDULED_AT.exec(workflowId)?.[1];
  ids.nextAre(idsOf(run));
  const attributes = given({
    'rowcast.sync': sync,
    'rowcast.run': run,
    'rowcast.outcome': outcome,
    'rowcast.trigger': record.trigger,
    'rowcast.rows.read': record.rows,
    'rowcast.rows.delivered': record.delivered,
    'rowcast.rows.failed': record.failed,
    'temporal.workflow.id': workflowId,
    // No Schedule starts a retry.
    'temporal.schedule.id': scheduledAt === undefined ? null : scheduleId(sync),
    'temporal.schedule.time': scheduledAt,
  });
  const span = tracer.startSpan(
    ROOT_NAME,
    { root: true, startTime: Date.parse(record.startedAt), attributes },
    ROOT_CONTEXT,
  );
  if (isFailureCode(errorCode)) fail(span, errorCode, discreetWords(errorCode, error ?? ''));
  span.end();
}

/** Of an attempt so many requests that went well are shown, and so many in all. */
const REQUESTS_MAX = { well: 100, all: 500 };

class OpenAttempt implements AttemptSpan {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #within: Context;
  readonly #names: Attributes;
  #requests = 0;
  #shown = 0;

  constructor(tracer: Tracer, { activity, sync, run }: Work, about: AttemptOf, parent: Context) {
    this.#tracer = tracer;
    this.#names = given({ 'rowcast.sync': sync, 'rowcast.run': run });
    const attributes = {
      ...this.#names,
      'temporal.activity.type': activity,
      'temporal.activity.id': about.activityId,
      'temporal.activity.attempt': about.attempt,
      'temporal.task_queue': about.taskQueue,
    };
    this.#span = tracer.startSpan(activity, { attributes }, parent);
    this.#within = trace.setSpan(parent, this.#span);
  }

  begin(name: string, attributes: Attributes): PartSpan {
    const options = { kind: SpanKind.CLIENT, attributes: given({ ...attributes, ...this.#names }) };
    const span = this.#tracer.startSpan(name, options, this.#within);
    return {
      end(code, more = {}) {
        span.setAttributes(given(more));
        if (code !== null) fail(span, code);
        span.end();
      },
    };
  }

  asked(destination: string, { url, ms, meaning, status, calls, bytes, tries }: Asked): void {
    const isWell = meaning === 'accepted' || meaning === 'partial';
    this.#requests += 1;
    if (this.#shown >= (isWell ? REQUESTS_MAX.well : REQUESTS_MAX.all)) return;
    this.#shown += 1;
    const { hostname, port, protocol } = new URL(url);
    const endMs = Date.now();
    const attributes = given({
      'http.request.method': 'POST',
      'url.full': url,
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
      'http.response.status_code': status,
      'http.request.body.size': bytes,
      'http.request.resend_count': tries === 0 ? null : tries,
      'rowcast.destination': destination,
      'rowcast.calls': calls,
      'rowcast.meaning': meaning,
      ...this.#names,
    });
    const options = { kind: SpanKind.CLIENT, startTime: endMs - ms, attributes };
    const span = this.#tracer.startSpan('POST', options, this.#within);
    if (!isWell) fail(span, status === null ? 'no_answer' : String(status));
    span.end(endMs);
  }

  end(code: string | null): void {
    if (this.#requests > 0) this.#span.setAttribute('rowcast.requests', this.#requests);
    if (code !== null) fail(this.#span, code);
    this.#span.end();
  }
}

function fail(span: Span, code: string, message?: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) });
}

function given(
  attributes: Readonly<Record<string, string | number | boolean | null | undefined>>,
): Record<string, string | number | boolean> {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as Record<string, string | number | boolean>;
}

/** A collector that is away is a line, each ten minutes, and not one for each batch of spans. */
function once(log: Log): (message: string) => void {
  let saidAtMs = -Infinity;
  return (message) => {
    if (performance.now() - saidAtMs < SAY_EVERY_MS) return;
    saidAtMs = performance.now();
    log.warn(`Traces cannot be sent: ${wordsIn(message)}`);
  };
}

const SAY_EVERY_MS = 10 * 60_000;

/** An error comes as JSON with its stack. */
function wordsIn(message: string): string {
  const [, words] = /"message":"([^"]*)"/.exec(message) ?? [];
  return (words ?? message).slice(0, 200);
}
