import { within } from '../interrupts.ts';
import type { Cell, Column, Row } from '../source.ts';
import type { DriverChunk, DriverResult, RawRow, StatementContext } from './driver.ts';
import { brokenChunk, cutResult } from './failures.ts';
import { columnName, columnType } from './types.ts';

/** A page is handed over once its values have so many characters, whatever its number of rows. */
const PAGE_CHARS = 2 * 1_024 * 1_024;

/** For so long the download of one chunk is waited for; the driver alone would try for minutes. */
const CHUNK_TIMEOUT_MS = 60_000;

/**
 * Reads the rows of a statement's result, which lies in chunks beside the service.
 *
 * One chunk is taken apart while the next one is on its way, and no other is fetched before it is wanted. The rows
 * are counted: the result ends where all of them have come, and nowhere else.
 */
export class ResultReader {
  readonly columns: readonly Column[];
  readonly #context: StatementContext;
  readonly #result: DriverResult;
  readonly #reads: readonly ((raw: string) => Cell)[];
  #chunk = 0;
  #loading: Promise<void> | undefined;
  #rows: (RawRow | undefined)[] = [];
  #at = 0;
  #taken = 0;

  /** @throws RowcastError where the service hands over less than the statement has. */
  constructor(context: StatementContext, result: DriverResult) {
    if (result._returnedRows !== result._totalRows) throw cutResult(result._returnedRows, result._totalRows);
    const types = result._columns.map(columnType);
    this.columns = result._columns.map((column, at) => ({
      name: columnName(column.getName()),
      kind: types[at]?.kind ?? 'text',
    }));
    this.#reads = types.map(({ read }) => read);
    this.#context = context;
    this.#result = result;
  }

  /** At most so many more rows; none at the end. */
  async read(rowsMax: number): Promise<Row[]> {
    if (this.#at === this.#rows.length) await this.#next();
    const page: Row[] = [];
    let chars = 0;
    while (this.#at < this.#rows.length && page.length < rowsMax && chars < PAGE_CHARS) {
      const raw = this.#rows[this.#at] ?? [];
      this.#rows[this.#at] = undefined; // It is not needed any more, however long the chunk is.
      this.#at += 1;
      page.push(this.#readRow(raw));
      for (const value of raw) chars += value?.length ?? 0;
    }
    this.#taken += page.length;
    if (page.length === 0 && this.#taken !== this.#result._totalRows) {
      throw brokenChunk(`${this.#taken} of ${this.#result._totalRows} rows came`);
    }
    return page;
  }

  #readRow(raw: RawRow): Row {
    return this.#reads.map((read, at) => {
      const value = raw[at] ?? null;
      return value === null ? null : read(value);
    });
  }

  /** Takes the next chunk that has rows; at the end there is none. */
  async #next(): Promise<void> {
    this.#rows = [];
    this.#at = 0;
    while (this.#rows.length === 0) {
      const chunk = this.#result._chunks[this.#chunk];
      if (chunk === undefined) return;
      await within(CHUNK_TIMEOUT_MS, (this.#loading ??= this.#load(chunk)));
      this.#rows = takeRows(chunk);
      this.#chunk += 1;
      const following = this.#result._chunks[this.#chunk];
      this.#loading = following === undefined ? undefined : this.#load(following);
      this.#loading?.catch(() => undefined); // Who waits for it later is told.
    }
  }

  /** The address of a chunk is good for some hours; one that is refused is asked for anew, once. */
  async #load(chunk: DriverChunk): Promise<void> {
    try {
      await load(chunk);
    } catch (error) {
      if (statusOf(error) !== 403) throw error;
      await new Promise<void>((resolve) => this.#context.refresh(resolve));
      await load(chunk);
    }
  }
}

function load(chunk: DriverChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    chunk.load((error) => (error ? reject(error) : resolve()));
  });
}

/** The rows of a chunk, which it no longer holds. */
function takeRows(chunk: DriverChunk): RawRow[] {
  const expected = chunk.getEndIndex() - chunk.getStartIndex() + 1;
  const rows = chunk._rowset ?? parseRows(chunk._rowsetAsString ?? '');
  chunk.clearRows(true);
  if (rows.length !== expected) throw brokenChunk(`a chunk has ${rows.length} of ${expected} rows`);
  return rows;
}

function parseRows(text: string): RawRow[] {
  try {
    return JSON.parse(`[${text}]`) as RawRow[];
  } catch {
    throw brokenChunk('a chunk is not whole');
  }
}

function statusOf(error: unknown): number | undefined {
  const { response } = error as { response?: { statusCode?: number } };
  return response?.statusCode;
}
