import { isIP } from 'node:net';
import pg from 'pg';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import { Interrupts, within } from '../interrupts.ts';
import { notAQuery } from '../queryFailures.ts';
import { opened, pagesOf, rowOf } from '../reading.ts';
import type { Address, EncodedPage, QueryRequest, QueryResult, Row, Source } from '../source.ts';
import { cancelStatement } from './cancel.ts';
import type { PostgresConfig } from './config.ts';
import { connectFailure, queryFailure } from './failures.ts';
import { PostgresPage, RowShape } from './page.ts';
import { PortalReader } from './reader.ts';
import type { RowBytes } from './reader.ts';
import { RowConnection } from './rowConnection.ts';
import { ARRAY_TYPES, columnType, readArrayTypes } from './types.ts';
import type { ArrayTypes } from './types.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Giving a statement or the connection up takes at most so long; then the socket is simply dropped. */
const CLOSE_TIMEOUT_MS = 3_000;

/** A server that vanished without a word is noticed after this, even while nothing is sent. */
const KEEP_ALIVE_MS = 60_000;

/** What makes the text form of values independent of the server's and the user's settings. */
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
  at: Address = config,
): Promise<Source> {
  const clientConfig = clientConfigOf(config, at, await secrets(config.password, 'source.password'));
  const source = new PostgresSource(config, clientConfig);
  return await opened(source, signal, (error) => connectFailure(error, config));
}

function clientConfigOf(
  { host, database, user, tls }: PostgresConfig,
  at: Address,
  password: string,
): pg.ClientConfig {
  // A certificate is the server's own, wherever it is reached; an address has no place in the name that is asked for.
  const name = isIP(host) === 0 ? { host, servername: host } : { host };
  return {
    host: at.host,
    port: at.port,
    database,
    user,
    password,
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verify', ...name },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'rowcast',
    client_encoding: 'UTF8',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser: () => ((text: string) => text) as never },
  };
}

class PostgresSource implements Source {
  readonly #client: pg.Client;
  readonly #config: PostgresConfig;
  readonly #clientConfig: pg.ClientConfig;
  readonly #interrupts = new Interrupts();
  #arrays: ArrayTypes = new Map();
  #reader: PortalReader | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: PostgresConfig, clientConfig: pg.ClientConfig) {
    const client = clientOf(clientConfig);
    this.#client = client;
    this.#config = config;
    this.#clientConfig = clientConfig;
    client.on('error', (error) => this.#interrupts.lose(error));
    client.on('end', () => this.#interrupts.lose(new Error('the connection was closed')));
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#interrupts.wait(() => this.#client.connect(), signal);
    await this.#interrupts.wait(() => this.#client.query(SESSION), signal);
    const { rows } = await this.#interrupts.wait(() => this.#client.query(ARRAY_TYPES), signal);
    this.#arrays = readArrayTypes(rows);
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
      const { rows } = await this.#interrupts.wait(() => this.#client.query<{ ms: string }>(sql));
      return Number(rows[0]?.ms);
    } catch (error) {
      throw queryFailure(error, this.#config, sql);
    }
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { sql, signal } = request;
    const reader = new PortalReader(sql);
    try {
      await this.#interrupts.wait(() => this.#client.query('BEGIN READ ONLY'), signal);
      this.#reader = reader;
      const fields = await this.#interrupts.wait(() => reader.describe(this.#client), signal);
      if (fields === null) throw notAQuery();
      const types = fields.map(({ dataTypeID }) => columnType(dataTypeID, this.#arrays));
      const columns = fields.map(({ name }, at) => ({ name, kind: types[at]?.kind ?? 'text' }));
      // The first page is read at once, so that a query that cannot run says so here.
      const first = await this.#interrupts.wait(() => reader.read(request.pageRows), signal);
      const shape = new RowShape(types);
      const pages = this.#pages(reader, first, shape, request);
      return { columns, pages: decoded(pages), encoded: { isText: shape.isText, pages } };
    } catch (error) {
      await this.#release();
      signal.throwIfAborted();
      throw queryFailure(error, this.#config, sql);
    }
  }

  #pages(
    reader: PortalReader,
    first: RowBytes,
    shape: RowShape,
    { sql, signal, pageRows }: QueryRequest,
  ): AsyncIterable<EncodedPage> {
    const pageOf = (read: RowBytes) => new PostgresPage(read, shape);
    return pagesOf({
      first: pageOf(first),
      next: async () => pageOf(await this.#interrupts.wait(() => reader.read(pageRows), signal)),
      signal,
      failureOf: (error) => queryFailure(error, this.#config, sql),
      release: () => this.#release(),
    });
  }

  /** Stops the statement under way, if any, on the server, and ends its transaction. */
  async #release(): Promise<void> {
    try {
      await this.#cancel();
      this.#reader?.stop();
      this.#reader = undefined;
      await within(CLOSE_TIMEOUT_MS, this.#client.query('ROLLBACK'));
    } catch {
      this.#drop(); // Whatever is asked next fails as a lost connection.
    }
  }

  async #cancel(): Promise<void> {
    if (this.#reader?.executing) await cancelStatement(this.#client, this.#clientConfig, CLOSE_TIMEOUT_MS);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#cancel();
    await within(CLOSE_TIMEOUT_MS, this.#client.end()).catch(() => undefined);
    this.#drop();
  }

  #drop(): void {
    const { connection } = this.#client as unknown as { connection: pg.Connection };
    connection.stream.destroy();
  }
}

/** A client whose rows come as bytes. */
function clientOf(config: pg.ClientConfig): pg.Client {
  const connection = new RowConnection(config);
  return new pg.Client({ ...config, connection } as pg.ClientConfig);
}

async function* decoded(pages: AsyncIterable<EncodedPage>): AsyncGenerator<readonly Row[]> {
  for await (const page of pages) {
    const rows: Row[] = [];
    while (page.next()) rows.push(rowOf(page));
    yield rows;
  }
}
