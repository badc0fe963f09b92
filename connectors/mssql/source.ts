import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ConnectionConfiguration } from 'tedious';
import { messageOf } from '../../errors.ts';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import { Interrupts, within } from '../interrupts.ts';
import { opened, pagesOf } from '../reading.ts';
import type { Address, QueryRequest, QueryResult, Row, Source } from '../source.ts';
import type { MssqlConfig } from './config.ts';
import { Connection, readRowsWith } from './driver.ts';
import { connectFailure, isNoSnapshot, queryFailure, secondaryStopped } from './failures.ts';
import type { ServerError } from './failures.ts';
import { BatchReader } from './reader.ts';
import { reachOf, reachQuery } from './replica.ts';
import { rowReaders } from './rows.ts';
import { checkStatement } from './statement.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Giving a statement or the connection up takes at most so long; then the socket is simply dropped. */
const CLOSE_TIMEOUT_MS = 3_000;

/** What the server sends at a time; with TLS it can be no more than 16,383. */
const PACKET_BYTES = 16_000;

/** What of the server's and the login's settings would change results; a deadlock had better hit this session. */
const SESSION = 'SET NOCOUNT OFF; SET ROWCOUNT 0; SET DEADLOCK_PRIORITY LOW;';

/** Of the server and its database. A user may always see the database that he is in. */
const STATUS = `SELECT CAST(SERVERPROPERTY('EngineEdition') AS varchar(10)) AS edition,
  CAST(snapshot_isolation_state AS varchar(10)) AS snapshots
  FROM sys.databases WHERE database_id = DB_ID()`;

type Isolation = 'SNAPSHOT' | 'READ COMMITTED';

/** Opens one connection. @throws RowcastError source_unreachable, source_login_refused and their like. */
export async function openMssql(
  config: MssqlConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
  at: Address = config,
): Promise<Source> {
  const password = await secrets(config.password, 'source.password');
  signal.throwIfAborted();
  const source = new MssqlSource(config, optionsOf(config, at, password));
  return await opened(source, signal, (error) => connectFailure(error, config, source.said));
}

function optionsOf(config: MssqlConfig, at: Address, password: string): ConnectionConfiguration {
  const { host, port, database, user, tls } = config;
  const options = {
    port,
    database,
    encrypt: tls !== 'off',
    trustServerCertificate: tls !== 'verify',
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: 0,
    cancelTimeout: CLOSE_TIMEOUT_MS,
    packetSize: PACKET_BYTES,
    appName: 'rowcast',
    // An error ends the transaction.
    abortTransactionOnError: true,
    // A run tries again by itself.
    maxRetriesOnTransientErrors: 0,
    connector: connectorOf(config, at),
  };
  return {
    server: host, // The name that a certificate must have.
    authentication: { type: 'default', options: { userName: user, password } },
    options,
  };
}

/** Connects to where the server is reached, or to where that sends on to, as Azure does. */
function connectorOf({ host, port }: MssqlConfig, at: Address): () => Promise<Socket> {
  const connector = (to: Address, _lookup: unknown, signal: AbortSignal): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const { host: name, port: number } = to.host === host && to.port === port ? at : to;
      const socket = connect({ host: name, port: number });
      const onAbort = () => socket.destroy(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        signal.removeEventListener('abort', onAbort);
        socket.off('error', reject);
        resolve(socket);
      });
    });
  return connector as unknown as () => Promise<Socket>;
}

class MssqlSource implements Source {
  /** What the server answered to the login, if it was a refusal. */
  readonly said: ServerError[] = [];
  readonly #connection: Connection;
  readonly #config: MssqlConfig;
  readonly #interrupts = new Interrupts();
  #isolation: Isolation = 'READ COMMITTED';
  #edition = '';
  #reader: BatchReader | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: MssqlConfig, options: ConnectionConfiguration) {
    this.#config = config;
    this.#connection = new Connection(options);
    readRowsWith(this.#connection, rowReaders);
    this.#connection.on('error', (error) => this.#interrupts.lose(error));
    this.#connection.on('end', () => this.#interrupts.lose(new Error('the connection was closed')));
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#interrupts.wait(() => this.#connect(), signal);
    await this.#interrupts.wait(() => this.#ask(SESSION), signal);
    const [row] = await this.#interrupts.wait(() => this.#ask(STATUS), signal);
    this.#edition = String(row?.[0]);
    this.#isolation = row?.[1] === '1' ? 'SNAPSHOT' : 'READ COMMITTED';
  }

  #connect(): Promise<void> {
    const note = (error: ServerError) => this.said.push(error);
    this.#connection.on('errorMessage', note);
    return new Promise((resolve, reject) => {
      this.#connection.once('connect', (error) => {
        this.#connection.off('errorMessage', note);
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(messageOf(error)));
      });
      this.#connection.connect();
    });
  }

  #ask(sql: string): Promise<Row[]> {
    return new BatchReader(this.#connection, sql).read(Infinity);
  }

  /** `SYSUTCDATETIME`; on a readable secondary how far its data reaches, where the user may ask for it. */
  async clock(): Promise<number> {
    const sql = `SELECT CAST(DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME()) AS varchar(20)) AS ms,
      CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS varchar(20)) AS may`;
    try {
      const [row] = await this.#interrupts.wait(() => this.#ask(sql));
      const now = Number(row?.[0]);
      return row?.[1] === 'READ_ONLY' ? await this.#reach(now) : now;
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  /** A database that only reads and is no secondary of another does not change. */
  async #reach(now: number): Promise<number> {
    const sql = reachQuery(this.#edition);
    try {
      const [row] = await this.#interrupts.wait(() => this.#ask(sql));
      if (row === undefined) return now;
      if (row[0] === null) throw secondaryStopped(this.#config);
      return reachOf(Number(row[0]), now);
    } catch (error) {
      const failure = queryFailure(error, this.#config, sql);
      if (failure.code === 'source_permission_denied' || failure.code === 'query_failed') return now;
      throw failure;
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { signal, pageRows } = request;
    signal.throwIfAborted();
    const sql = checkStatement(request.sql);
    const reader = new BatchReader(this.#connection, sql);
    try {
      await this.#interrupts.wait(() => this.#ask(begin(this.#isolation)), signal);
      this.#reader = reader;
      // The first page is read at once, so that a query that cannot run says so here.
      const first = await this.#interrupts.wait(() => reader.read(pageRows), signal);
      return { columns: reader.columns, pages: this.#pages(reader, first, request) };
    } catch (error) {
      await this.#release();
      signal.throwIfAborted();
      if (this.#isolation === 'READ COMMITTED' || !isNoSnapshot(error)) {
        throw queryFailure(error, this.#config, sql);
      }
    }
    // A snapshot reaches into no other database that allows none.
    this.#isolation = 'READ COMMITTED';
    return await this.query(request);
  }

  #pages(
    reader: BatchReader,
    first: Row[],
    { sql, signal, pageRows }: QueryRequest,
  ): AsyncIterable<readonly Row[]> {
    return pagesOf({
      first,
      next: () => this.#interrupts.wait(() => reader.read(pageRows), signal),
      signal,
      failureOf: (error) => queryFailure(error, this.#config, sql),
      release: () => this.#release(),
    });
  }

  /** Stops the statement under way, if any, on the server, and ends its transaction. */
  async #release(): Promise<void> {
    try {
      await this.#stopReading();
      await within(CLOSE_TIMEOUT_MS, this.#ask(ROLLBACK));
    } catch {
      this.#connection.close(); // Whatever is asked next fails as a lost connection.
    }
  }

  async #stopReading(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) await within(CLOSE_TIMEOUT_MS, reader.stop());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#stopReading().catch(() => undefined);
    this.#connection.close();
    this.#interrupts.lose(new Error('the connection was closed'));
  }
}

const ROLLBACK = 'IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION';

function begin(isolation: Isolation): string {
  return `SET TRANSACTION ISOLATION LEVEL ${isolation}; BEGIN TRANSACTION`;
}
