import { z } from 'zod';
import { RowcastError } from '../errors.ts';

const whole = (min: number) => z.coerce.number().int().min(min);

/**
 * Settings of a worker, read from its environment. Durations are in milliseconds. The defaults suit
 * production; tests make the time-outs short.
 */
const WorkerSettings = z.object({
  /** A worker that has not been heard of for so long is taken for dead. */
  ROWCAST_HEARTBEAT_MS: whole(1_000).default(30_000),
  /** An HTTP request to a destination is given up after so long. */
  ROWCAST_REQUEST_TIMEOUT_MS: whole(100).default(30_000),
  /** Trouble of a destination that delivery absorbs by itself before Temporal waits. */
  ROWCAST_RETRY_BUDGET_MS: whole(0).default(30_000),
  /** How long a run tries to reach its source before it fails. */
  ROWCAST_SOURCE_PATIENCE_MS: whole(0).default(120_000),
  /** How long a run waits for a machine that can reach its storage. */
  ROWCAST_STORAGE_WAIT_MS: whole(1_000).default(600_000),
  /** How long one delivery activity works before it hands back its position. */
  ROWCAST_DELIVER_MS: whole(1_000).default(600_000),
  /** How long the worker lets its work end by itself once it is told to stop. */
  ROWCAST_GRACE_MS: whole(0).default(10_000),
  /** Lanes of a run, delivered side by side. */
  ROWCAST_LANES: whole(1).max(32).default(4),
  /** Bytes of one staged chunk. */
  ROWCAST_CHUNK_BYTES: whole(1_024).default(4 * 1_024 * 1_024),
  /** Rows taken from the source at a time. */
  ROWCAST_PAGE_ROWS: whole(1).max(100_000).default(5_000),
  /** Runs of at most so many rows are delivered by a single activity. */
  ROWCAST_SMALL_RUN_ROWS: whole(0).default(50_000),
  /** Queries that one worker reads side by side. */
  ROWCAST_EXTRACT_SLOTS: whole(1).default(4),
  /** Delivery activities that one worker runs side by side. */
  ROWCAST_DELIVER_SLOTS: whole(1).default(16),
});

export interface WorkerSettings {
  readonly heartbeatMs: number;
  readonly requestTimeoutMs: number;
  readonly retryBudgetMs: number;
  readonly sourcePatienceMs: number;
  readonly storageWaitMs: number;
  readonly deliverMs: number;
  readonly graceMs: number;
  readonly lanes: number;
  readonly chunkBytes: number;
  readonly pageRows: number;
  readonly smallRunRows: number;
  readonly extractSlots: number;
  readonly deliverSlots: number;
}

/** Reads the settings from the environment. @throws RowcastError definition_invalid naming the variable and its value. */
export function readWorkerSettings(env: NodeJS.ProcessEnv): WorkerSettings {
  const parsed = WorkerSettings.safeParse(env);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new RowcastError(
      'definition_invalid',
      `The environment variable ${name} is ${JSON.stringify(env[name])}, which does not work: ${issue?.message ?? ''}. Correct or unset it.`,
    );
  }
  const read = parsed.data;
  return {
    heartbeatMs: read.ROWCAST_HEARTBEAT_MS,
    requestTimeoutMs: read.ROWCAST_REQUEST_TIMEOUT_MS,
    retryBudgetMs: read.ROWCAST_RETRY_BUDGET_MS,
    sourcePatienceMs: read.ROWCAST_SOURCE_PATIENCE_MS,
    storageWaitMs: read.ROWCAST_STORAGE_WAIT_MS,
    deliverMs: read.ROWCAST_DELIVER_MS,
    graceMs: read.ROWCAST_GRACE_MS,
    lanes: read.ROWCAST_LANES,
    chunkBytes: read.ROWCAST_CHUNK_BYTES,
    pageRows: read.ROWCAST_PAGE_ROWS,
    smallRunRows: read.ROWCAST_SMALL_RUN_ROWS,
    extractSlots: read.ROWCAST_EXTRACT_SLOTS,
    deliverSlots: read.ROWCAST_DELIVER_SLOTS,
  };
}
