import { RowcastError } from '../errors.ts';

/** A variable of the environment that holds a whole number. */
interface Setting {
  readonly variable: string;
  /** What the number counts. */
  readonly unit: 'milliseconds' | 'bytes' | 'rows' | 'lanes' | 'queries' | 'activities';
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

const DAY_MS = 86_400_000;
const MIB = 1_024 * 1_024;

/** The defaults suit production; tests make the time-outs short. */
const SETTINGS = {
  /** A worker that has not been heard of for so long is taken for dead. */
  heartbeatMs: time('ROWCAST_HEARTBEAT_MS', 1_000, 30_000),
  /** How often activities tell Temporal how far they are. */
  progressMs: time('ROWCAST_PROGRESS_MS', 100, 2_000),
  /** An HTTP request to a destination is given up after so long. */
  requestTimeoutMs: time('ROWCAST_REQUEST_TIMEOUT_MS', 100, 30_000),
  /** Trouble of a destination that delivery absorbs by itself before Temporal waits. */
  retryBudgetMs: time('ROWCAST_RETRY_BUDGET_MS', 0, 30_000),
  /** How long a run tries to reach its source before it fails. */
  sourcePatienceMs: time('ROWCAST_SOURCE_PATIENCE_MS', 0, 120_000),
  /** How long a run waits for a machine that can reach its storage. */
  storageWaitMs: time('ROWCAST_STORAGE_WAIT_MS', 1_000, 600_000),
  /** How long one delivery activity works before it hands back its position. */
  deliverMs: time('ROWCAST_DELIVER_MS', 1_000, 600_000),
  /** How long the worker lets its work end by itself once it is told to stop. */
  graceMs: time('ROWCAST_GRACE_MS', 0, 10_000),
  /** Lanes of a run, delivered side by side. */
  lanes: { variable: 'ROWCAST_LANES', unit: 'lanes', min: 1, max: 32, default: 4 },
  /** Size of one staged chunk. */
  chunkBytes: {
    variable: 'ROWCAST_CHUNK_BYTES',
    unit: 'bytes',
    min: 1_024,
    max: 256 * MIB,
    default: 2 * MIB,
  },
  /** Rows taken from the source at a time. */
  pageRows: { variable: 'ROWCAST_PAGE_ROWS', unit: 'rows', min: 1, max: 100_000, default: 5_000 },
  /** Runs of at most so many rows are delivered by a single activity: a worker needs no others for a million. */
  smallRunRows: {
    variable: 'ROWCAST_SMALL_RUN_ROWS',
    unit: 'rows',
    min: 0,
    max: 100_000_000,
    default: 1_000_000,
  },
  /** Queries that one worker reads side by side. */
  extractSlots: { variable: 'ROWCAST_EXTRACT_SLOTS', unit: 'queries', min: 1, max: 1_000, default: 4 },
  /** Delivery activities that one worker runs side by side. */
  deliverSlots: { variable: 'ROWCAST_DELIVER_SLOTS', unit: 'activities', min: 1, max: 1_000, default: 16 },
} as const satisfies Record<string, Setting>;

/** Settings of a worker; times are in milliseconds. */
export type WorkerSettings = { readonly [Name in keyof typeof SETTINGS]: number };

/** Reads the settings from the environment. @throws RowcastError definition_invalid naming the variable, its value and what is allowed. */
export function readWorkerSettings(env: NodeJS.ProcessEnv): WorkerSettings {
  return {
    heartbeatMs: read(SETTINGS.heartbeatMs, env),
    progressMs: read(SETTINGS.progressMs, env),
    requestTimeoutMs: read(SETTINGS.requestTimeoutMs, env),
    retryBudgetMs: read(SETTINGS.retryBudgetMs, env),
    sourcePatienceMs: read(SETTINGS.sourcePatienceMs, env),
    storageWaitMs: read(SETTINGS.storageWaitMs, env),
    deliverMs: read(SETTINGS.deliverMs, env),
    graceMs: read(SETTINGS.graceMs, env),
    lanes: read(SETTINGS.lanes, env),
    chunkBytes: read(SETTINGS.chunkBytes, env),
    pageRows: read(SETTINGS.pageRows, env),
    smallRunRows: read(SETTINGS.smallRunRows, env),
    extractSlots: read(SETTINGS.extractSlots, env),
    deliverSlots: read(SETTINGS.deliverSlots, env),
  };
}

function read(setting: Setting, env: NodeJS.ProcessEnv): number {
  const { variable, unit, min, max } = setting;
  const text = env[variable];
  if (text === undefined) return setting.default;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new RowcastError(
    'definition_invalid',
    `The environment variable ${variable} is ${JSON.stringify(text)}; give a whole number of ${unit} from ${min} to ${max}, or unset it for ${setting.default}.`,
  );
}

/** A setting of at most a day. */
function time(variable: string, min: number, byDefault: number): Setting {
  return { variable, unit: 'milliseconds', min, max: DAY_MS, default: byDefault };
}
