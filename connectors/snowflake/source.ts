import type { ResolveSecret } from '../../secrets/resolve.ts';
import { Interrupts, within } from '../interrupts.ts';
import { isLeftRunning } from '../leftRunning.ts';
import { notASelect } from '../queryFailures.ts';
import { opened, pagesOf } from '../reading.ts';
import type { QueryRequest, QueryResult, Row, Source } from '../source.ts';
import { cancelQuery } from './cancel.ts';
import type { SnowflakeConfig } from './config.ts';
import { loadDriver } from './driver.ts';
import type { DriverConnection } from './driver.ts';
import {
  connectFailure,
  databaseMissing,
  flowOfStatements,
  isConnectionLost,
  queryFailure,
} from './failures.ts';
import { ResultReader } from './reader.ts';
import { connectionOptions } from './signIn.ts';
import { ended, execute, fetchResult, start } from './statements.ts';
import type { Answered } from './statements.ts';

const CONNECT_TIMEOUT_MS = 30_000;

/** For the answer to any one question; none waits for a query to run. */
const ANSWER_TIMEOUT_MS = 180_000;

/** Giving a statement or the session up takes at most so long; the service ends what nobody comes back to. */
const CLOSE_TIMEOUT_MS = 3_000;

/** What makes values and results independent of settings of the account's and the user's. */
const SESSION = [
  "ALTER SESSION SET TIMEZONE = 'UTC'",
  'STRICT_JSON_OUTPUT = TRUE',
  'JSON_INDENT = 0',
  "BINARY_OUTPUT_FORMAT = 'HEX'",
  "GEOGRAPHY_OUTPUT_FORMAT = 'GeoJSON'",
  "GEOMETRY_OUTPUT_FORMAT = 'GeoJSON'",
  'ROWS_PER_RESULTSET = 0',
  'MULTI_STATEMENT_COUNT = 1',
  // In MB, the least that there is: a chunk is held whole while its rows are read.
  'CLIENT_RESULT_CHUNK_SIZE = 48',
  // A query outlives the worker that started it, so that another one can take its result up.
  'ABORT_DETACHED_QUERY = FALSE',
  "QUERY_TAG = 'rowcast'",
].join(' ');

/** Of the types of statements this alone reads and returns rows. Source: the JDBC driver's SFStatementType. */
const SELECT = 0x1000;

/** Opens one session. @throws RowcastError source_unreachable, source_login_refused and their like. */
export async function openSnowflake(
  config: SnowflakeConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
): Promise<Source> {
  const options = await connectionOptions(config, secrets);
  signal.throwIfAborted();
  const source = new SnowflakeSource(config, loadDriver().createConnection(options));
  return await opened(source, signal, (error) => connectFailure(error, config));
}

class SnowflakeSource implements Source {
  readonly #config: SnowflakeConfig;
  readonly #connection: DriverConnection;
  readonly #interrupts = new Interrupts();
  /** The statement that is being started, or was and may still run. */
  #running: Promise<string> | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: SnowflakeConfig, connection: DriverConnection) {
    this.#config = config;
    this.#connection = connection;
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#interrupts.wait(() => within(CONNECT_TIMEOUT_MS, this.#connect()), signal);
    const { statement } = await this.#ask(() => execute(this.#connection, SESSION), signal);
    // A session in no database is let in, and every query would fail for another reason than this.
    const state = statement.getSessionState();
    if (!state?.getCurrentDatabase() || !state.getCurrentSchema()) throw databaseMissing(this.#config);
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.connect((error) => (error ? reject(error) : resolve()));
    });
  }

  #ask<Answer>(question: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
    return this.#interrupts.wait(() => within(ANSWER_TIMEOUT_MS, question()), signal);
  }

  /** `SYSDATE()`, which is UTC, whatever the session's zone is. */
  async clock(): Promise<number> {
    const sql = 'SELECT DATE_PART(EPOCH_MILLISECOND, SYSDATE()) AS ms';
    try {
      const { context, result } = await this.#ask(() => execute(this.#connection, sql));
      const [row] = await this.#ask(() => new ResultReader(context, result).read(1));
      return Number(row?.[0]);
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { sql, signal, pageRows, resume } = request;
    try {
      const earlier = await this.#takeUp(resume?.from ?? null, signal);
      const { context, result } = earlier ?? (await this.#run(request));
      const reader = new ResultReader(context, result);
      // The first page is read at once, so that a result that cannot be had says so here.
      const first = await this.#interrupts.wait(() => reader.read(pageRows), signal);
      const pages = this.#pages(reader, first, request);
      return { columns: reader.columns, pages, isResumed: earlier !== null };
    } catch (error) {
      if (isLeftRunning(request, isConnectionLost(error))) this.#running = undefined;
      await this.#cancel();
      signal.throwIfAborted();
      throw queryFailure(error, this.#config, sql);
    }
  }

  async #run({ sql, signal, resume }: QueryRequest): Promise<Answered> {
    refuseWhatTheDriverRuns(sql);
    await this.#refuseOthersThanSelect(sql, signal);
    const queryId = await this.#start(sql, signal);
    resume?.started(queryId);
    await this.#untilEnded(queryId, signal);
    return await this.#ask(() => fetchResult(this.#connection, queryId), signal);
  }

  /** The result of an earlier query; null where it failed, was stopped, or is not kept any more. */
  async #takeUp(queryId: string | null, signal: AbortSignal): Promise<Answered | null> {
    if (queryId === null) return null;
    try {
      this.#running = Promise.resolve(queryId);
      if (!(await this.#untilEnded(queryId, signal))) return null;
      return await this.#ask(() => fetchResult(this.#connection, queryId), signal);
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      signal.throwIfAborted();
      return null;
    }
  }

  async #untilEnded(queryId: string, signal: AbortSignal): Promise<boolean> {
    const isSuccess = await this.#interrupts.wait(() => ended(this.#connection, queryId, signal), signal);
    this.#running = undefined;
    return isSuccess;
  }

  /** The service says what a statement is without running it, which is all that it has in place of a read-only session. */
  async #refuseOthersThanSelect(sql: string, signal: AbortSignal): Promise<void> {
    const { result } = await this.#ask(() => execute(this.#connection, sql, { describeOnly: true }), signal);
    if (result._statementTypeId !== SELECT) throw notASelect();
  }

  async #start(sql: string, signal: AbortSignal): Promise<string> {
    return await this.#ask(() => {
      const starting = start(this.#connection, sql);
      this.#running = starting;
      return starting;
    }, signal);
  }

  #pages(
    reader: ResultReader,
    first: Row[],
    { sql, signal, pageRows }: QueryRequest,
  ): AsyncIterable<readonly Row[]> {
    return pagesOf({
      first,
      next: () => this.#interrupts.wait(() => reader.read(pageRows), signal),
      signal,
      failureOf: (error) => queryFailure(error, this.#config, sql),
    });
  }

  /** Stops the statement under way, if any, on the server; one that is just being started too. */
  async #cancel(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    const queryId = await within(CLOSE_TIMEOUT_MS, running).catch(() => null);
    if (queryId !== null) await cancelQuery(this.#connection, queryId, CLOSE_TIMEOUT_MS);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#cancel();
    this.#interrupts.lose(new Error('the connection was closed'));
    const destroyed = new Promise<void>((resolve) => this.#connection.destroy(() => resolve()));
    await within(CLOSE_TIMEOUT_MS, destroyed).catch(() => undefined);
  }
}

/** What the driver takes for a transfer of files, it does itself, with the worker's files. */
const FILE_TRANSFER = /^\s*(PUT|GET)/i;

/** Text that is none of the statement's: quoted, or a comment. */
const QUOTED = /'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$|--[^\n]*|\/\/[^\n]*|\/\*.*?\*\//gs;

function refuseWhatTheDriverRuns(sql: string): void {
  if (FILE_TRANSFER.test(sql)) throw notASelect();
  // Of statements in a row the service would describe one.
  if (sql.replace(QUOTED, ' ').includes('->>')) throw flowOfStatements();
}
