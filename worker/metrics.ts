import type { MetricMeter } from '@temporalio/common';
import type { Metrics } from '../activities/metrics.ts';
import type { ImportRecord } from '../workflows/contract.ts';

/** What is counted on a worker, by its activities and beside them. */
export interface WorkerMetrics extends Metrics {
  /** A run ended. */
  ended(record: ImportRecord): void;
}

/** Rowcast's own metrics, beside those of Temporal's SDK; without an exporter they go nowhere. */
export function createMetrics(meter: MetricMeter): WorkerMetrics {
  const rowsRead = meter.createCounter('rowcast_rows_read', undefined, 'Rows that queries returned');
  const rowsFailed = meter.createCounter(
    'rowcast_rows_failed',
    undefined,
    'Rows that could not be delivered',
  );
  const stagedBytes = meter.createCounter(
    'rowcast_staged_bytes',
    undefined,
    'Bytes of calls staged for delivery',
  );
  const delivered = meter.createCounter('rowcast_calls_delivered', undefined, 'Calls that destinations took');
  const runs = meter.createCounter('rowcast_runs', undefined, 'Runs that ended, by outcome');
  const lastSuccess = meter.createGauge(
    'rowcast_last_success_timestamp_seconds',
    'float',
    undefined,
    'When the last successful run ended, in Unix seconds',
  );
  const requests = meter.createHistogram(
    'rowcast_destination_request',
    'float',
    'seconds',
    'How long destinations took to answer a batch, by what the answer means',
  );
  const retries = meter.createCounter(
    'rowcast_destination_retries',
    undefined,
    'Requests that failed and are sent again',
  );
  return {
    read(sync, { rows, failed, bytes }) {
      rowsRead.add(rows, { sync });
      rowsFailed.add(failed, { sync, stage: 'mapping' });
      stagedBytes.add(bytes, { sync });
    },
    delivered(sync, destination, { calls, failed }) {
      delivered.add(calls, { sync, destination });
      rowsFailed.add(failed, { sync, stage: 'delivery' });
    },
    asked(destination, { ms, meaning }) {
      requests.record(ms / 1_000, { destination, meaning });
      if (meaning === 'later') retries.add(1, { destination });
    },
    ended({ sync, outcome, trigger, endedAt }) {
      runs.add(1, { sync, outcome });
      const isSuccess = outcome === 'succeeded' || outcome === 'succeeded_with_errors';
      // A retry says nothing of whether the sync is up to date.
      if (isSuccess && trigger !== 'retry' && endedAt !== null)
        lastSuccess.set(Date.parse(endedAt) / 1_000, { sync });
    },
  };
}
