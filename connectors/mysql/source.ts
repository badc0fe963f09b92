import { connect } from 'node:net';
import mysql from 'mysql2';
import type { Connection, ConnectionOptions } from 'mysql2';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import { Interrupts, within } from '../interrupts.ts';
import { notAQuery } from '../queryFailures.ts';
import { opened, pagesOf } from '../reading.ts';
import type { Address, QueryRequest, QueryResult, Row, Source } from '../source.ts';
import { dropConnection, killQuery } from './cancel.ts';
import type { MysqlConfig } from './config.ts';
import { connectFailure, hasParameters, queryFailure, replicaStopped } from './failures.ts';
import { StatementReader } from './reader.ts';
import { replicaQuery, secondsBehind } from './replica.ts';
import type { StatusRow } from './replica.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Giving a statement or the connection up takes at most so long; then the socket is simply dropped. */
const CLOSE_TIMEOUT_MS = 3_000;

/** A server that vanished without a word is noticed after this, even while nothing is sent. */
const KEEP_ALIVE_MS = 60_000;

const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };

/** For so long the server waits for a reader that is slow; its default of a minute ends the connection. */
const WRITE_TIMEOUT_SECONDS = 3_600;

/** What makes values and results independent of the server's and the user's settings. */
const SESSION = [
  'SET NAMES utf8mb4',
  `SET time_zone = '+00:00', net_write_timeout = ${WRITE_TIMEOUT_SECONDS}, sql_select_limit = 18446744073709551615`,
  'SET SESSION TRANSACTION READ ONLY',
];

/**
 * What mysql2 asks for by default and Rowcast must not have: files of the worker for the server, functions' names
 * that cannot be names of columns, and statements that return several results.
 */
const FLAGS = ['-LOCAL_FILES', '-IGNORE_SPACE', '-ODBC', '-MULTI_RESULTS'];

/** Opens one connection. @throws RowcastError source_unreachable, source_login_refused and their like. */
export async function openMysql(
  config: MysqlConfig,
  secrets: ResolveSecret,
  signal: AbortSignal,
  at: Address = config,
): Promise<Source> {
  const options = optionsOf(config, at, await secrets(config.password, 'source.password'));
  signal.throwIfAborted();
  const source = new MysqlSource(config, options);
  return await opened(source, signal, (error) => connectFailure(error, config));
}

function optionsOf(
  { host, port, database, user, tls }: MysqlConfig,
  at: Address,
  password: string,
): ConnectionOptions {
  const isVerified = tls === 'verify';
  return {
    host,
    port,
    database,
    user,
    password,
    // Node takes the name that a certificate must have from here; of an address it would not know any.
    stream: () => Object.assign(connect({ host: at.host, port: at.port, ...SOCKET }), { _host: host }),
    ...(tls !== 'off' && { ssl: { rejectUnauthorized: isVerified, verifyIdentity: isVerified } }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectAttributes: { program_name: 'rowcast' },
    charset: 'UTF8MB4_UNICODE_CI',
    flags: FLAGS,
  };
}

class MysqlSource implements Source {
  readonly #connection: Connection;
  readonly #config: MysqlConfig;
  readonly #options: ConnectionOptions;
  readonly #interrupts = new Interrupts();
  #threadId = '';
  #version = '';
  #reader: StatementReader | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: MysqlConfig, options: ConnectionOptions) {
    this.#config = config;
    this.#options = options;
    this.#connection = mysql.createConnection(options);
    this.#connection.on('error', (error: Error) => this.#interrupts.lose(error));
    this.#connection.on('end', () => this.#interrupts.lose(new Error('the connection was closed')));
  }

  async open(signal: AbortSignal): Promise<void> {
    const ask = (sql: string) => this.#interrupts.wait(() => this.#ask(sql), signal);
    for (const sql of SESSION) await ask(sql);
    const [row] = await ask('SELECT CAST(CONNECTION_ID() AS CHAR) AS id, VERSION() AS version');
    this.#threadId = String(row?.['id']);
    this.#version = String(row?.['version']);
  }

  #ask(sql: string): Promise<StatusRow[]> {
    return new Promise((resolve, reject) => {
      this.#connection.query(sql, (error, rows) =>
        error === null ? resolve(rows as StatusRow[]) : reject(error),
      );
    });
  }

  /**
   * `UTC_TIMESTAMP`; on a replica less what it says that it is behind, and the second before that, since more of
   * that very second may still be on its way. A user who may not ask for it is on no replica, as far as can be known.
   */
  async clock(): Promise<number> {
    const sql = `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000 AS ms`;
    try {
      const behind = await this.#interrupts.wait(() => this.#secondsBehind());
      if (behind === 'unknown') throw replicaStopped(this.#config);
      const [row] = await this.#interrupts.wait(() => this.#ask(sql));
      const ms = Number(row?.['ms']);
      return behind === 'none' ? ms : Math.floor(ms / 1_000 - behind) * 1_000 - 1;
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  async #secondsBehind(): Promise<number | 'none' | 'unknown'> {
    try {
      return secondsBehind(await this.#ask(replicaQuery(this.#version)));
    } catch (error) {
      const { code } = queryFailure(error, this.#config, '');
      if (code === 'source_permission_denied' || code === 'query_failed') return 'none';
      throw error;
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { sql, signal, pageRows } = request;
    const reader = new StatementReader(this.#connection, sql, /mariadb/i.test(this.#version));
    try {
      await this.#interrupts.wait(() => this.#ask('START TRANSACTION READ ONLY'), signal);
      this.#reader = reader;
      const { columns, parameters } = await this.#interrupts.wait(() => reader.prepare(), signal);
      if (columns === 0) throw notAQuery();
      if (parameters > 0) throw hasParameters();
      // The first page is read at once, so that a query that cannot run says so here.
      const first = await this.#interrupts.wait(() => reader.read(pageRows), signal);
      return { columns: reader.columns, pages: this.#pages(reader, first, request) };
    } catch (error) {
      await this.#release();
      signal.throwIfAborted();
      throw queryFailure(error, this.#config, sql);
    }
  }

  #pages(
    reader: StatementReader,
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
      const wasKilled = await this.#cancel();
      await this.#stopReading();
      // A kill that came too late for the statement hits the next one, which is this.
      if (wasKilled) await within(CLOSE_TIMEOUT_MS, this.#ask('DO 0')).catch(() => undefined);
      await within(CLOSE_TIMEOUT_MS, this.#ask('ROLLBACK'));
    } catch {
      this.#drop(); // Whatever is asked next fails as a lost connection.
    }
  }

  async #stopReading(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) return;
    await within(
      CLOSE_TIMEOUT_MS,
      this.#interrupts.wait(() => reader.stop()),
    );
  }

  /** Whether a statement was stopped. Where the server cannot be asked, a lost connection stops what it sends. */
  async #cancel(): Promise<boolean> {
    if (this.#reader?.executing !== true) return false;
    const isStopped = await killQuery(this.#options, this.#threadId, CLOSE_TIMEOUT_MS);
    if (!isStopped) this.#drop();
    return isStopped;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#cancel();
    await this.#stopReading().catch(() => undefined);
    const quit = this.#interrupts.wait(() => this.#quit());
    await within(CLOSE_TIMEOUT_MS, quit).catch(() => undefined);
    this.#drop();
  }

  #quit(): Promise<void> {
    return new Promise((resolve) => {
      this.#connection.end(() => resolve());
    });
  }

  #drop(): void {
    this.#interrupts.lose(new Error('the connection was closed'));
    dropConnection(this.#connection);
  }
}
