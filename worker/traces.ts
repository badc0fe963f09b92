import type { Asked } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import type { Work } from './problems.ts';

/*
 * Traces of runs for OpenTelemetry, where its usual variables ask for them. What makes and sends them is loaded only
 * then (tracing.ts); a worker without them starts and works as if they did not exist.
 */

/** Spans of runs: a trace each, from the run to the requests that it sends. */
export interface Traces {
  /** An attempt at an activity of a run begins. */
  attempt(work: Work, about: AttemptOf): AttemptSpan;
  /** A run has ended: the root of its trace. */
  ended(record: ImportRecord): void;
  /** Sends what is left, for a few seconds at most. */
  shutdown(): Promise<void>;
}

/** What Temporal knows of an attempt. */
export interface AttemptOf {
  readonly activityId: string;
  readonly attempt: number;
  readonly taskQueue: string;
}

export interface AttemptSpan {
  /** A part of the attempt's work, up to `end`. */
  begin(name: string, attributes: Attributes): PartSpan;
  /** A request to the destination is over. */
  asked(destination: string, asked: Asked): void;
  /** @param code of the failure; null where it succeeded */
  end(code: string | null): void;
}

export interface PartSpan {
  /** @param code of the failure; null where it succeeded */
  end(code: string | null, attributes?: Attributes): void;
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Whether the environment asks for traces.
 *
 * @throws RowcastError definition_invalid where it asks for them in a way that Rowcast does not know.
 */
export function asksForTraces(env: NodeJS.ProcessEnv): boolean {
  if (/^true$/i.test(env['OTEL_SDK_DISABLED'] ?? '')) return false;
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? '';
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'] || '';
  if (exporter === 'none' || (exporter === '' && endpoint === '')) return false;
  if (exporter !== '' && exporter !== 'otlp') throw unknown('OTEL_TRACES_EXPORTER', exporter, 'otlp or none');
  for (const variable of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = env[variable] ?? '';
    if (protocol === 'http/protobuf') break;
    if (protocol !== '') {
      throw unknown(variable, protocol, 'http/protobuf, which collectors take at port 4318');
    }
  }
  return true;
}

/** A value of one of OpenTelemetry's variables that Rowcast does not know. */
export function unknown(variable: string, value: string, known: string): RowcastError {
  return new RowcastError(
    'definition_invalid',
    `The environment variable ${variable} is ${JSON.stringify(value)}; for its traces Rowcast knows ${known}.`,
  );
}
