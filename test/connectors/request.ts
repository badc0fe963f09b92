import type { Column, QueryRequest, Row, Source } from '../../connectors/source.ts';
import { RowcastError } from '../../errors.ts';

export function request(sql: string, more: Partial<QueryRequest> = {}): QueryRequest {
  return { sql, pageRows: 5_000, signal: new AbortController().signal, ...more };
}

/** Everything that a query returns. */
export async function readAll(
  source: Source,
  sql: string,
  more: Partial<QueryRequest> = {},
): Promise<{ columns: readonly Column[]; rows: Row[]; pages: number[] }> {
  const { columns, pages: stream } = await source.query(request(sql, more));
  const rows: Row[] = [];
  const pages: number[] = [];
  for await (const page of stream) {
    pages.push(page.length);
    rows.push(...page);
  }
  return { columns, rows, pages };
}

/** What a promise fails with; it is a failure of the test where it succeeds. */
export async function failureOf(task: Promise<unknown>): Promise<RowcastError> {
  const error = await task.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RowcastError) return error;
  throw error;
}

/** Waits until something is so; the test's own time-out ends a wait in vain. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
