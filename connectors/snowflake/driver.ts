import { createRequire } from 'node:module';

/*
 * What Rowcast uses of snowflake-sdk, which is pinned to the version that this was read in. Its rows are objects made by
 * converters that round numbers, lose nanoseconds and throw where nothing catches, so the chunks of a result are read
 * here as the server sent them.
 */

/** A statement's value of a column as the server sends it: text in every type. */
export type RawRow = readonly (string | null)[];

export interface DriverColumn {
  getName(): string;
  /** `fixed`, `text`, `timestamp_ntz` and their like. */
  getType(): string;
  /** Digits of a fraction; null where the type has none. */
  getScale(): number | null;
}

/** A part of a result, which is in the answer itself or is downloaded. */
export interface DriverChunk {
  /** The content of a part that came with the answer. */
  readonly _rowset?: RawRow[];
  /** What was downloaded: the rows as JSON without the brackets around them. */
  readonly _rowsetAsString?: string;
  getStartIndex(): number;
  getEndIndex(): number;
  load(callback: (error?: Error | null) => void): void;
  clearRows(force: true): void;
}

export interface DriverResult {
  readonly _chunks: readonly DriverChunk[];
  readonly _columns: readonly DriverColumn[];
  /** How many rows the server hands over. */
  readonly _returnedRows: number;
  /** How many rows the statement has. */
  readonly _totalRows: number;
  readonly _statementTypeId: number;
}

/** The state of a statement, on which the driver calls `complete`. */
export interface StatementContext {
  readonly result?: DriverResult;
  readonly resultError?: Error | null;
  readonly queryId?: string;
  /** Asks for the result once more, which gives its chunks new addresses. */
  refresh(callback: () => void): void;
}

export interface DriverStatement {
  getSessionState(): { getCurrentDatabase(): string | null; getCurrentSchema(): string | null } | undefined;
}

type Complete = (this: StatementContext, error: Error | null | undefined, statement: DriverStatement) => void;

export interface DriverConnection {
  connect(callback: (error?: Error) => void): void;
  execute(options: {
    sqlText: string;
    streamResult: true;
    describeOnly?: boolean;
    asyncExec?: boolean;
    complete: Complete;
  }): unknown;
  fetchResult(options: { queryId: string; streamResult: true; complete: Complete }): unknown;
  getQueryStatus(queryId: string): Promise<string>;
  isStillRunning(status: string): boolean;
  heartbeatAsync(): Promise<unknown>;
  destroy(callback: (error?: Error) => void): void;
}

export interface Driver {
  createConnection(options: Readonly<Record<string, unknown>>): DriverConnection;
}

/**
 * How often the driver itself repeats a request, with pauses of at most so many seconds, before it fails. Its own
 * seven times take a minute; more than this is a matter for the run's next attempt.
 */
const REQUEST_PATIENCE = { maxRetries: 2, sleepBase: 1, sleepCap: 2, includeRetryReason: false };

/** The same for the download of a chunk, whose failure loses the whole reading. */
const DOWNLOAD_PATIENCE = {
  getRetryLargeResultSetMaxNumRetries: 3,
  getRetryLargeResultSetMaxSleepTime: 3,
};

let driver: Driver | undefined;

/** The driver, without what it does by itself: logging, and asking the clouds where it runs. */
export function loadDriver(): Driver {
  driver ??= load();
  return driver;
}

function load(): Driver {
  process.env['SNOWFLAKE_DISABLE_PLATFORM_DETECTION'] ??= 'true';
  process.env['SF_TELEMETRY_DISABLE_CONNECTION_SHAPE'] ??= 'true';
  const require = createRequire(import.meta.url);
  const loaded = require('snowflake-sdk') as Driver;
  // Its default logger writes snowflake.log, and files of settings in a home folder can turn on more of it.
  const logger = require('snowflake-sdk/dist/lib/logger.js') as { setInstance(logger: object): void };
  logger.setInstance(SILENT);
  const http = require('snowflake-sdk/dist/lib/http/axios_instance.js') as {
    default: { interceptors: { request: { use(change: (request: object) => object): void } } };
  };
  http.default.interceptors.request.use((request) =>
    Object.assign(request, { __snowflakeRetryConfig: REQUEST_PATIENCE }),
  );
  const { prototype } = require('snowflake-sdk/dist/lib/connection/connection_config.js') as {
    prototype: Record<string, () => number>;
  };
  for (const [name, value] of Object.entries(DOWNLOAD_PATIENCE)) prototype[name] = () => value;
  return loaded;
}

const ignore = () => undefined;

const SILENT = {
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  configure: ignore,
  getLevel: () => -1,
  getLevelTag: () => 'OFF',
  getLogBuffer: () => [],
};
