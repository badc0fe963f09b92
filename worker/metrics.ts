import type { MetricMeter } from '@temporalio/common';
import type { Metrics } from '../activities/metrics.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import { isSuccess } from './syncWatch.ts';
import type { SyncGauges } from './syncWatch.ts';

/** What is counted on a worker, by its activities and beside them. */
export interface WorkerMetrics extends Metrics {
  /** A run ended. */
  ended(record: ImportRecord): void;
  readonly syncs: SyncGauges;
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
    'When the last successful run ended, or the sync was created, in Unix seconds',
  );
  const enabled = meter.createGauge('rowcast_sync_enabled', 'int', undefined, 'Whether the sync is to run');
  const interval = meter.createGauge(
    'rowcast_sync_interval_seconds',
    'float',
    undefined,
    'The longest time between the next runs of the sync',
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
    read({ sync, integration }, { rows, failed, bytes }) {
      rowsRead.add(rows, { sync, integration });
      rowsFailed.add(failed, { sync, integration, stage: 'mapping' });
      stagedBytes.add(bytes, { sync, integration });
    },
    delivered({ sync, integration, destination }, { calls, failed }) {
      delivered.add(calls, { sync, integration, destination });
      rowsFailed.add(failed, { sync, integration, stage: 'delivery' });
    },
    asked(destination, { ms, meaning }) {
      requests.record(ms / 1_000, { destination, meaning });
      if (meaning === 'later') retries.add(1, { destination });
    },
    ended(record) {
      const { sync, outcome, endedAt } = record;
      runs.add(1, { sync, outcome });
      if (isSuccess(record)) lastSuccess.set(Date.parse(endedAt ?? '') / 1_000, { sync });
    },
    syncs: {
      lastSuccess: (sync, at) => lastSuccess.set(at, { sync }),
      enabled: (sync, isEnabled) => enabled.set(isEnabled ? 1 : 0, { sync }),
      interval: (sync, seconds) => interval.set(seconds, { sync }),
    },
  };
}
