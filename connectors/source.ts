/**
 * One value of a row, exact, as a connector hands it over. Which of the forms it has follows from its
 * column's kind; SQL NULL is `null` in every kind.
 */
export type Cell = string | boolean | Uint8Array | null;

/**
 * What the cells of a column hold:
 *
 * - `text`: a string, as it is.
 * - `text_or_json`: a string that nests where it parses to an object or an array (sources without a JSON
 *   type of their own for it).
 * - `number`: a decimal number as text (`-12`, `0.10`, `1e-7`), or `NaN`, `Infinity`, `-Infinity`.
 * - `boolean`: `true` or `false`.
 * - `instant`: ISO 8601 in UTC with the source's whole precision, `2026-01-31T08:15:00.123456Z`.
 * - `datetime`: the same without a zone, `2026-01-31T08:15:00.123456`.
 * - `date`: `2026-01-31`.
 * - `json`: a valid JSON text.
 * - `binary`: bytes.
 *
 * A value that its kind cannot express (PostgreSQL's `infinity` as a timestamp, a year before 1) comes as the
 * source's own text all the same: `mapping` treats what it does not recognise as text.
 */
export type ColumnKind =
  'text' | 'text_or_json' | 'number' | 'boolean' | 'instant' | 'datetime' | 'date' | 'json' | 'binary';

/** A column of a result: its name as the source returns it, and what its cells hold. */
export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

export type Row = readonly Cell[];

/** Where a server is reached: its own host and port, or those of a tunnel to it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * How a result is taken up again where it outlives the connection that its query was started on, as warehouses keep
 * it: a query that is paid for is not run twice because a worker died. Other sources take no notice.
 */
export interface Resume {
  /** What an earlier attempt was told of the same query, if any. */
  readonly from: string | null;
  /** Told the source's own id of the query as soon as it is under way. */
  readonly started: (id: string) => void;
  /** Whether another attempt is to take the query up though this one was aborted: then it is not stopped. Absent: it is. */
  readonly goesOn?: () => boolean;
}

export interface QueryRequest {
  /** One statement; `{{last_sync_time}}` is already replaced. */
  readonly sql: string;
  /** How many rows a page holds at most; at least 1. */
  readonly pageRows: number;
  /** Aborting it cancels the statement on the server; the pages then throw its reason. */
  readonly signal: AbortSignal;
  readonly resume?: Resume;
}

/** A query under way. The columns are known even where the result is empty. */
export interface QueryResult {
  readonly columns: readonly Column[];
  /**
   * The rows in the query's order, read from the server as fast as they are taken, in pages bounded by their
   * size as well as by their rows. Leaving the loop early stops the statement on the server.
   *
   * @throws RowcastError where the result cannot be read to its end; the stream never just ends early.
   */
  readonly pages: AsyncIterable<readonly Row[]>;
  /** The same pages with their rows as bytes, where the source can: whoever reads these leaves `pages` alone. */
  readonly encoded?: EncodedRows;
  /** Whether this is the result of the query that `resume.from` names, rather than of one that ran now. */
  readonly isResumed?: boolean;
}

/** The rows of a result as the bytes in which they came, for those who only write them on. */
export interface EncodedRows {
  /** For each column, whether its bytes are the text of its cells in UTF-8, and `t` or `f` where they are booleans. */
  readonly isText: readonly boolean[];
  /** Each page stands until the next one is asked for. */
  readonly pages: AsyncIterable<EncodedPage>;
}

/** A page, whose rows are looked at one after another. */
export interface EncodedPage {
  readonly length: number;
  /** Looks at the next row; false after the last. Every row is there once. */
  next(): boolean;
  /** What holds the row that is looked at. */
  readonly bytes: Buffer;
  /** Where each of its cells begins, and where it ends; a NULL begins at -1. */
  readonly begins: Int32Array;
  readonly ends: Int32Array;
  /** One of its cells as `pages` has it. */
  cell(column: number): Cell;
}

/** An open connection to a database or a warehouse, which is only ever read. */
export interface Source {
  /** The source's own clock now, in milliseconds since 1970. @throws RowcastError */
  clock(): Promise<number>;
  /** Starts a query in a read-only transaction or session. One at a time. @throws RowcastError */
  query(request: QueryRequest): Promise<QueryResult>;
  /** Closes the connection; never throws, and stops what is still running. */
  close(): Promise<void>;
}
