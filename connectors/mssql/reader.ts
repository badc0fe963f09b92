import { multipleStatements, notAQuery } from '../queryFailures.ts';
import type { Column, Row } from '../source.ts';
import { sendAttention } from './cancel.ts';
import { Request } from './driver.ts';
import type { Connection, Field } from './driver.ts';
import type { RowToken } from './rows.ts';
import { columnType } from './types.ts';

/** A page is handed over once it holds so many bytes as the server sends them, whatever its number of rows. */
const PAGE_BYTES = 2 * 1_024 * 1_024;

interface Waiting {
  readonly rowsMax: number;
  readonly resolve: (page: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads the rows of one batch. A page is bounded by its size as well as by its rows; while none is wanted, the socket
 * is not read. A result that ends before the server has said that it is complete is an error.
 */
export class BatchReader {
  readonly #connection: Connection;
  readonly #sql: string;
  #request: Request | undefined;
  #state: 'new' | 'executing' | 'ended' = 'new';
  #error: unknown;
  #columns: readonly Column[] | undefined;
  #rows: Row[] = [];
  #bytes = 0;
  #count = 0;
  #isComplete = false;
  #waiting: Waiting | undefined;
  readonly #end = Promise.withResolvers<null>();

  constructor(connection: Connection, sql: string) {
    this.#connection = connection;
    this.#sql = sql;
  }

  /** The columns of the result; known once the first page has been read. @throws RowcastError where there is none. */
  get columns(): readonly Column[] {
    if (this.#columns === undefined) throw notAQuery();
    return this.#columns;
  }

  /** At most so many more rows; none at the end. */
  read(rowsMax: number): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { rowsMax, resolve, reject };
      if (this.#state === 'new') this.#execute();
      else if (this.#state === 'ended') this.#handOver();
      else this.#request?.resume();
    });
  }

  /** Stops the batch, wherever it is. Settles once the server has taken note, or the connection is lost. */
  async stop(): Promise<void> {
    this.#rows = [];
    if (this.#state !== 'executing' || this.#request === undefined) return;
    sendAttention(this.#request);
    await this.#end.promise;
  }

  #execute(): void {
    this.#state = 'executing';
    const request = new Request(this.#sql, (error) => this.#onEnd(error));
    this.#request = request;
    request.on('columnMetadata', (fields) => this.#onColumns(fields as unknown as readonly Field[]));
    request.on('row', (token: RowToken['columns']) => this.#onRow(token));
    request.on('done', (rowCount, more) => this.#onDone(rowCount, more));
    this.#connection.execSqlBatch(request);
  }

  #onColumns(fields: readonly Field[]): void {
    if (this.#columns !== undefined) return this.#fail(multipleStatements(undefined));
    this.#columns = fields.map((field) => ({ name: field.colName, kind: columnType(field).kind }));
  }

  #onRow({ row, bytes }: RowToken['columns']): void {
    this.#rows.push(row);
    this.#count += 1;
    this.#bytes += bytes;
    const rowsMax = this.#waiting?.rowsMax ?? 0;
    if (this.#rows.length < rowsMax && this.#bytes < PAGE_BYTES) return;
    this.#request?.pause();
    this.#handOver();
  }

  /** The server counts what it sends, unless it was told not to. */
  #onDone(rowCount: number | undefined, more: boolean): void {
    if (this.#columns !== undefined && rowCount !== undefined && rowCount !== this.#count) {
      this.#fail(new Error(`${this.#count} of ${rowCount} rows have come`));
    }
    this.#isComplete = !more;
  }

  #fail(error: Error): void {
    this.#error ??= error;
    if (this.#request !== undefined) sendAttention(this.#request);
  }

  #onEnd(error: Error | null | undefined): void {
    this.#state = 'ended';
    this.#error ??= error ?? undefined;
    if (!this.#isComplete) this.#error ??= new Error('the answer ended before its time');
    this.#end.resolve(null);
    this.#handOver();
  }

  #handOver(): void {
    if (this.#waiting === undefined) return;
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if (this.#error !== undefined) return reject(this.#error);
    resolve(this.#rows);
    this.#rows = [];
    this.#bytes = 0;
  }
}
