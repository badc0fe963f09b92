import { AlwaysOffSampler, AlwaysOnSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import type { BatchSpanProcessorOptions, Sampler } from '@opentelemetry/sdk-trace';
import { unknown } from './traces.ts';

/* OpenTelemetry's variables that its SDK leaves to whoever sets it up. The exporter reads its own. */

/**
 * Which runs are traced; those of a trace id's share are the same on every worker. A run has no parent elsewhere, so
 * the `parentbased_` ones are what they are based on.
 *
 * @throws RowcastError definition_invalid
 */
export function rootSampler(env: NodeJS.ProcessEnv): Sampler {
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  switch (name.replace(/^parentbased_/, '')) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio(env));
    default:
      throw unknown(
        'OTEL_TRACES_SAMPLER',
        name,
        'always_on, always_off and traceidratio, with or without parentbased_ before it',
      );
  }
}

const RATIO_VARIABLE = 'OTEL_TRACES_SAMPLER_ARG';

function ratio(env: NodeJS.ProcessEnv): number {
  const text = env[RATIO_VARIABLE] || '1';
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw unknown(RATIO_VARIABLE, text, 'a share of runs from 0 to 1');
}

const LIMITS = {
  scheduledDelayMillis: 'OTEL_BSP_SCHEDULE_DELAY',
  exportTimeoutMillis: 'OTEL_BSP_EXPORT_TIMEOUT',
  maxQueueSize: 'OTEL_BSP_MAX_QUEUE_SIZE',
  maxExportBatchSize: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
} as const;

/** How spans are batched; what is not set is as the SDK has it. @throws RowcastError definition_invalid */
export function batchLimits(env: NodeJS.ProcessEnv): Omit<BatchSpanProcessorOptions, 'exporter'> {
  const entries = Object.entries(LIMITS).flatMap(([name, variable]) => {
    const text = env[variable] ?? '';
    if (text === '') return [];
    if (!/^[1-9]\d{0,8}$/.test(text)) throw unknown(variable, text, 'whole numbers from 1');
    return [[name, Number(text)]];
  });
  return Object.fromEntries(entries) as Omit<BatchSpanProcessorOptions, 'exporter'>;
}
