import type pg from 'pg';

/** A column as the server describes it. */
export interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The cells of a row as the server writes them. */
export type TextRow = readonly (string | null)[];

/** A page is handed over once it holds so many characters, whatever its number of rows. */
const PAGE_CHARS = 2 * 1_024 * 1_024;

const PORTAL = 'rowcast';

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads the rows of one statement through a portal, in PostgreSQL's extended query protocol.
 *
 * Unlike pg-cursor it describes a statement before it runs it, bounds a page by its size as well as by its rows
 * (while a page is not taken, the socket is not read), and settles every read when the connection is lost.
 * The `handle…` methods are called by `pg.Client`, whose query it is.
 */
export class PortalReader implements pg.Submittable {
  readonly #sql: string;
  #connection: pg.Connection | undefined;
  #state: 'new' | 'described' | 'executing' | 'suspended' | 'ended' = 'new';
  #error: Error | undefined;
  #describing: Waiting<readonly Field[] | null> | undefined;
  #reading: Waiting<TextRow[]> | undefined;
  #rows: TextRow[] = [];
  #chars = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** Whether the server is at work on the statement, or has more to say of it. */
  get executing(): boolean {
    return this.#state === 'executing';
  }

  /** The columns of the statement, which has not run yet; null where it returns none. */
  describe(client: pg.Client): Promise<readonly Field[] | null> {
    return new Promise((resolve, reject) => {
      this.#describing = { resolve, reject };
      client.query(this);
    });
  }

  /** At most so many more rows; none at the end. */
  read(rowsMax: number): Promise<TextRow[]> {
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#connection?.stream.resume();
      if (this.#rows.length > 0 || this.#state === 'ended') this.#handOver();
      else if (this.#state !== 'executing') this.#execute(rowsMax);
    });
  }

  /** Gives the statement up, wherever it is; the next query of the client then has its turn. */
  stop(): void {
    this.#connection?.stream.resume();
    this.#end();
    this.#rows = [];
  }

  submit(connection: pg.Connection): void {
    this.#connection = connection;
    connection.once('noData', this.#onNoData);
    connection.parse({ name: '', text: this.#sql, types: [] }, true);
    connection.bind({ portal: PORTAL }, true);
    connection.describe({ type: 'P', name: PORTAL }, true);
    connection.flush();
  }

  readonly #onNoData = () => this.#described(null);

  #described(fields: readonly Field[] | null): void {
    this.#connection?.off('noData', this.#onNoData);
    if (this.#state === 'new') this.#state = 'described';
    this.#describing?.resolve(fields);
  }

  #execute(rowsMax: number): void {
    this.#state = 'executing';
    this.#connection?.execute({ portal: PORTAL, rows: String(rowsMax) }, true);
    this.#connection?.flush();
  }

  #handOver(): void {
    if (this.#reading === undefined) return;
    const { resolve, reject } = this.#reading;
    this.#reading = undefined;
    if (this.#error !== undefined) return reject(this.#error);
    resolve(this.#rows);
    this.#rows = [];
    this.#chars = 0;
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#connection?.off('noData', this.#onNoData);
    this.#connection?.close({ type: 'P', name: PORTAL }, true);
    this.#connection?.sync();
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.#described(fields);
  }

  handleDataRow({ fields }: { fields: TextRow }): void {
    if (this.#state === 'ended') return;
    this.#rows.push(fields);
    for (const field of fields) if (field !== null) this.#chars += field.length;
    if (this.#chars < PAGE_CHARS) return;
    // What has been received already still comes; the rest stays with the server until it is wanted.
    this.#connection?.stream.pause();
    this.#handOver();
  }

  handlePortalSuspended(): void {
    if (this.#state === 'executing') this.#state = 'suspended';
    this.#handOver();
  }

  handleCommandComplete(): void {
    this.#end();
    this.#handOver();
  }

  handleEmptyQuery(): void {
    this.#end();
    this.#handOver();
  }

  handleReadyForQuery(): void {
    this.#state = 'ended';
    this.#handOver();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#rows = [];
    this.#end();
    this.#describing?.reject(error);
    this.#handOver();
  }
}
