import type pg from 'pg';
import { Inbox } from './inbox.ts';
import { INBOX_BYTES, RowConnection } from './rowConnection.ts';

/** A column as the server describes it. */
export interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** Rows as they came: whole DataRow messages, one after another, until the next ones are asked for. */
export interface RowBytes {
  readonly rows: number;
  readonly bytes: Buffer;
}

/** A page is handed over once it holds so many bytes, whatever its number of rows. */
const PAGE_BYTES = 2 * 1_024 * 1_024;

const PORTAL = 'rowcast';

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads the rows of one statement through a portal, in PostgreSQL's extended query protocol.
 *
 * Unlike pg-cursor it describes a statement before it runs it, bounds a page by its size as well as by its rows
 * (while a page is not taken, the socket is not read), has the server at work on the next page while one is worked
 * on, and settles every read when the connection is lost. The `handle…` methods are called by `pg.Client`, whose
 * query it is.
 */
export class PortalReader implements pg.Submittable {
  readonly #sql: string;
  #connection: RowConnection | undefined;
  #state: 'new' | 'described' | 'executing' | 'suspended' | 'ended' = 'new';
  #error: Error | undefined;
  #describing: Waiting<readonly Field[] | null> | undefined;
  #reading: Waiting<RowBytes> | undefined;
  #rowsMax = 0;
  /** Whether a second page was asked for: who reads only the first wants no more. */
  #readsOn = false;
  #page = new Inbox(PAGE_BYTES + INBOX_BYTES);
  /** The page that was handed over last. */
  #taken = new Inbox(PAGE_BYTES + INBOX_BYTES);
  #rows = 0;

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

  /** At most so many more rows; none at the end. Those read before are overwritten. */
  read(rowsMax: number): Promise<RowBytes> {
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#readsOn = this.#rowsMax > 0;
      this.#rowsMax = rowsMax;
      this.#connection?.stream.resume();
      this.#proceed();
    });
  }

  /** Gives the statement up, wherever it is; the next query of the client then has its turn. */
  stop(): void {
    this.#connection?.stream.resume();
    this.#end();
    this.#take();
  }

  submit(connection: pg.Connection): void {
    if (!(connection instanceof RowConnection)) throw new Error('the connection hands over no rows');
    this.#connection = connection;
    this.#connection.takeRows = (block, rows) => this.#receive(block, rows);
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

  #receive(block: Buffer, rows: number): void {
    if (this.#state === 'ended') return;
    this.#page.add(block);
    this.#rows += rows;
    if (this.#page.length < PAGE_BYTES) return;
    // The rest stays with the server until it is wanted.
    this.#connection?.stream.pause();
    this.#proceed();
  }

  /** Hands a page over to whoever waits for it, or has the server go on. */
  #proceed(): void {
    if (this.#reading === undefined) return;
    const isPage = this.#rows > 0 && (this.#state !== 'executing' || this.#page.length >= PAGE_BYTES);
    if (isPage || this.#state === 'ended') {
      const { resolve, reject } = this.#reading;
      this.#reading = undefined;
      if (this.#error !== undefined) return reject(this.#error);
      resolve(this.#take());
      if (!this.#readsOn) return;
    }
    if (this.#state === 'described' || this.#state === 'suspended') this.#execute();
  }

  #take(): RowBytes {
    const taken = { rows: this.#rows, bytes: this.#page.content };
    [this.#page, this.#taken, this.#rows] = [this.#taken, this.#page, 0];
    this.#page.forget(this.#page.length);
    return taken;
  }

  #execute(): void {
    this.#state = 'executing';
    this.#connection?.execute({ portal: PORTAL, rows: String(this.#rowsMax) }, true);
    this.#connection?.flush();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#connection?.off('noData', this.#onNoData);
    this.#connection?.close({ type: 'P', name: PORTAL }, true);
    this.#connection?.sync();
  }

  /** What comes after is for others. */
  #leave(): void {
    if (this.#connection !== undefined) this.#connection.takeRows = null;
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.#described(fields);
  }

  handlePortalSuspended(): void {
    if (this.#state === 'executing') this.#state = 'suspended';
    this.#proceed();
  }

  handleCommandComplete(): void {
    this.#end();
    this.#proceed();
  }

  handleEmptyQuery(): void {
    this.#end();
    this.#proceed();
  }

  handleReadyForQuery(): void {
    this.#state = 'ended';
    this.#leave();
    this.#proceed();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#take();
    this.#end();
    this.#leave();
    this.#describing?.reject(error);
    this.#proceed();
  }
}
