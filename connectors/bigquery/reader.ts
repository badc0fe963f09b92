import type { Column, Row } from '../source.ts';
import type { Ask } from './client.ts';
import { resultCutShort } from './failures.ts';
import { columnType } from './types.ts';
import type { ColumnType, Field, Value } from './types.ts';

/** A page is closed once its cells hold so many characters and bytes. */
const PAGE_BYTES = 2 * 1024 * 1024;

/** An answer is asked for so many pages, since each costs a journey; the service sends fewer where they are heavy. */
const ANSWER_PAGES = 4;

/** So long the service waits for a query to end before it answers that it has not. */
const WAIT_MS = 10_000;

/** Where a query is at work, and its result kept for a day. */
export interface JobReference {
  readonly jobId: string;
  readonly location: string;
}

/** The answer to jobs.getQueryResults. */
interface ResultsAnswer {
  readonly jobComplete: boolean;
  readonly schema?: { readonly fields?: readonly Field[] };
  readonly totalRows?: string;
  readonly pageToken?: string | null;
  readonly rows?: readonly { readonly f: readonly { readonly v: Value }[] }[];
}

/** Reads the result of a job, an answer at a time; the service keeps an answer below about 10 MB. */
export class ResultReader {
  readonly #ask: Ask;
  readonly #job: JobReference;
  readonly #pageRows: number;
  #types: readonly ColumnType[] = [];
  #pageToken: string | undefined;
  #read = 0;
  columns: readonly Column[] = [];
  /** Whether the job has ended, so that there is nothing left to stop. */
  complete = false;

  constructor(ask: Ask, job: JobReference, pageRows: number) {
    this.#ask = ask;
    this.#job = job;
    this.#pageRows = pageRows;
  }

  /** The rows of the next answer, in pages; null after the last. @throws the driver's errors */
  async read(): Promise<Row[][] | null> {
    if (this.complete && this.#pageToken === undefined) return null;
    let answer = await this.#next();
    while (!answer.jobComplete) answer = await this.#next();
    if (!this.complete) this.#describe(answer);
    const { rows = [], pageToken, totalRows } = answer;
    this.#read += rows.length;
    this.#pageToken = pageToken ?? undefined;
    // What the service says that there is must have come, whatever else ended the answers.
    if (this.#pageToken === undefined && String(this.#read) !== totalRows) {
      throw resultCutShort(this.#read, totalRows ?? 'an unknown number of');
    }
    return this.#pages(rows);
  }

  async #next(): Promise<ResultsAnswer> {
    const { jobId, location } = this.#job;
    return await this.#ask<ResultsAnswer>({
      uri: `/queries/${jobId}`,
      qs: {
        location,
        maxResults: this.#pageRows * ANSWER_PAGES,
        timeoutMs: WAIT_MS,
        'formatOptions.useInt64Timestamp': true,
        ...(this.#pageToken !== undefined && { pageToken: this.#pageToken }),
      },
    });
  }

  #describe({ schema }: ResultsAnswer): void {
    const fields = (schema?.fields ?? []).map((field) => ({ name: field.name, ...columnType(field) }));
    this.columns = fields.map(({ name, kind }) => ({ name, kind }));
    this.#types = fields;
    this.complete = true;
  }

  #pages(rows: NonNullable<ResultsAnswer['rows']>): Row[][] {
    const pages: Row[][] = [];
    let page: Row[] = [];
    let bytes = 0;
    for (const { f } of rows) {
      const row = this.#types.map(({ read }, index) => read(f[index]?.v ?? null));
      bytes += row.reduce(
        (sum, cell) => sum + (cell === null || typeof cell === 'boolean' ? 1 : cell.length),
        0,
      );
      page.push(row);
      if (bytes < PAGE_BYTES && page.length < this.#pageRows) continue;
      pages.push(page);
      [page, bytes] = [[], 0];
    }
    if (page.length > 0) pages.push(page);
    return pages;
  }
}
