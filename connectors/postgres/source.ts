import pg from 'pg';
import Cursor from 'pg-cursor';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import type { Cell, Column, QueryRequest, QueryResult, Row, Source } from '../source.ts';
import type { PostgresConfig } from './config.ts';
import { connectFailure, connectionLost, queryFailure } from './failures.ts';
import { columnType } from './types.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Closing is given up after this: the socket is then simply dropped. */
const CLOSE_TIMEOUT_MS = 3_000;

/** The first page is small, since nothing is known of the rows; later ones aim at so many characters. */
const FIRST_PAGE_ROWS = 100;
const PAGE_CHARS = 2 * 1_024 * 1_024;

/** What makes the text form of every value independent of the server's and the user's settings. */
const SESSION = [
  "SET TimeZone TO 'UTC'",
  "SET DateStyle TO 'ISO, YMD'",
  "SET IntervalStyle TO 'iso_8601'",
  "SET bytea_output TO 'hex'",
  'SET extra_float_digits TO 1',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
].join('; ');

/** Opens one connection. @throws RowcastError source_unreachable, source_login_refused and their like. */
export async function openPostgres(
  config: PostgresConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
): Promise<Source> {
  const client = new pg.Client(await clientConfig(config, secrets));
  const source = new PostgresSource(client, config, secrets);
  try {
    await source.wait(client.connect(), signal);
    await source.wait(client.query(SESSION), signal);
    return source;
  } catch (error) {
    await source.close();
    signal.throwIfAborted();
    throw connectFailure(error, config);
  }
}

async function clientConfig(config: PostgresConfig, secrets: ResolveSecret): Promise<pg.ClientConfig> {
  const { host, port, database, user, tls } = config;
  return {
    host,
    port,
    database,
    user,
    password: await secrets(config.password),
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verify' },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'rowcast',
    keepAlive: true,
    types: { getTypeParser: (oid: number) => columnType(oid).read as never },
  };
}

class PostgresSource implements Source {
  readonly #client: pg.Client;
  readonly #config: PostgresConfig;
  readonly #secrets: ResolveSecret;
  /** Told when the connection is lost: a pg-cursor read never settles by itself once its backend has died. */
  readonly #waiting = new Set<(error: Error) => void>();
  #lost: Error | null = null;
  #open = true;
  #running = false;

  constructor(client: pg.Client, config: PostgresConfig, secrets: ResolveSecret) {
    this.#client = client;
    this.#config = config;
    this.#secrets = secrets;
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('the server closed the connection')));
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    for (const tell of this.#waiting) tell(this.#lost);
  }

  /** Waits for an answer, for the loss of the connection, or for the signal, whichever comes first. */
  async wait<Result>(answer: Promise<Result>, signal?: AbortSignal): Promise<Result> {
    answer.catch(() => undefined); // Where something else comes first, nobody else takes notice of it.
    signal?.throwIfAborted();
    if (this.#lost !== null) throw this.#lost;
    // No race with promises that live as long as the connection: they would keep every page.
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(reject);
    answer.then(resolve, reject);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(reject);
    }
  }

  /**
   * `clock_timestamp()`; on a standby, the second before the newest transaction that it has replayed, since
   * more of that very second may still be on its way.
   */
  async clock(): Promise<number> {
    const sql = `SELECT floor(extract(epoch FROM CASE WHEN pg_is_in_recovery()
      THEN coalesce(date_trunc('second', pg_last_xact_replay_timestamp()) - interval '1 millisecond', 'epoch')
      ELSE clock_timestamp() END) * 1000)::bigint::text AS ms`;
    try {
      const { rows } = await this.wait(this.#client.query<{ ms: string }>(sql));
      return Number(rows[0]?.ms);
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { sql, signal } = request;
    const cursor = new Cursor<Cell[]>(sql, [], { rowMode: 'array' } as never);
    try {
      await this.wait(this.#client.query('BEGIN READ ONLY'), signal);
      this.#running = true;
      this.#client.query(cursor);
      const first = await this.wait(cursor.read(Math.min(FIRST_PAGE_ROWS, request.pageRows)), signal);
      return { columns: columnsOf(cursor), pages: this.#pages(cursor, first, request) };
    } catch (error) {
      signal.throwIfAborted();
      throw queryFailure(error, this.#config, sql);
    }
  }

  async *#pages(
    cursor: Cursor<Cell[]>,
    first: Cell[][],
    request: QueryRequest,
  ): AsyncGenerator<readonly Row[]> {
    let page = first;
    while (page.length > 0) {
      // The server works on the next page while this one is being used.
      const next = this.#read(cursor, rowsOfNextPage(page, request.pageRows), request);
      next.catch(() => undefined); // Thrown when it is its turn.
      yield page;
      page = await next;
    }
    this.#running = false;
  }

  async #read(cursor: Cursor<Cell[]>, rows: number, { sql, signal }: QueryRequest): Promise<Cell[][]> {
    try {
      return await this.wait(cursor.read(rows), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof pg.DatabaseError
        ? queryFailure(error, this.#config, sql)
        : connectionLost(error, this.#config);
    }
  }

  /** Ends the connection; a statement that still runs is cancelled on the server first. */
  async close(): Promise<void> {
    if (!this.#open) return;
    if (this.#running) await this.#cancel();
    this.#open = false;
    await within(CLOSE_TIMEOUT_MS, this.#client.end()).catch(() => undefined);
    // Where the server did not answer, the socket is dropped.
    (this.#client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  async #cancel(): Promise<void> {
    const { processID } = this.#client as unknown as { processID: number | null };
    if (processID === null) return;
    const other = new pg.Client(await clientConfig(this.#config, this.#secrets));
    other.on('error', () => undefined); // What fails here leaves the statement to its own end.
    try {
      await within(CLOSE_TIMEOUT_MS, other.connect());
      await within(CLOSE_TIMEOUT_MS, other.query('SELECT pg_cancel_backend($1)', [processID]));
    } catch {
      // The server may be gone, which ends the statement as well.
    } finally {
      await within(CLOSE_TIMEOUT_MS, other.end()).catch(() => undefined);
    }
  }
}

function columnsOf(cursor: Cursor<Cell[]>): Column[] {
  const { fields } = (cursor as unknown as { _result: { fields: { name: string; dataTypeID: number }[] } })
    ._result;
  return fields.map(({ name, dataTypeID }) => ({ name, kind: columnType(dataTypeID).kind }));
}

/** Grows while pages are small, shrinks where rows are heavy. */
function rowsOfNextPage(page: readonly Row[], rowsMax: number): number {
  const chars = Math.max(page.length, sampledChars(page));
  const fitting = Math.floor((PAGE_CHARS * page.length) / chars);
  return Math.max(1, Math.min(rowsMax, page.length * 4, fitting));
}

/** The size of a page, from at most a hundred of its rows. */
function sampledChars(page: readonly Row[]): number {
  const step = Math.max(1, Math.floor(page.length / 100));
  let chars = 0;
  let sampled = 0;
  for (let at = 0; at < page.length; at += step) {
    sampled += 1;
    for (const cell of page[at] ?? []) {
      if (typeof cell === 'string' || cell instanceof Uint8Array) chars += cell.length;
    }
  }
  return (chars / sampled) * page.length;
}

async function within<Result>(ms: number, task: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
    task.catch(() => undefined);
  }
}
