import { RowcastError } from '../errors.ts';

/** A statement that is no query: the server says that it would return no columns. */
export function notAQuery(): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    'The query returns no columns, so it was not run, and nothing was changed: a sync only reads. Make it a plain SELECT.',
  );
}

/** A statement of another kind, by the word of a service that knows kinds of statements. */
export function notASelect(): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    'The query is no SELECT, so it was not run, and nothing was changed: a sync only reads. Make it a plain SELECT.',
  );
}

/** A query of more than one statement. */
export function multipleStatements(cause: unknown): RowcastError {
  return new RowcastError(
    'query_multiple_statements',
    'The query holds more than one statement; keep one SELECT and remove everything after the first ";".',
    { cause },
  );
}

/**
 * The line of the query in which the server found fault, with a caret below the place.
 *
 * @param chars how many characters stand before the place; one beyond the basic plane counts as one.
 */
export function placeInQuery(sql: string, chars: number): string {
  const before = Array.from(sql).slice(0, chars).join('');
  const start = before.lastIndexOf('\n') + 1;
  const line = /^[^\r\n]*/.exec(sql.slice(start))?.[0] ?? '';
  const number = before.split('\n').length;
  const column = before.length - start;
  // A long line is cut around the place.
  const from = Math.max(0, column - 60);
  const shown = line.slice(from, column + 60);
  return `\n  line ${number}: ${shown}\n  ${' '.repeat(`line ${number}: `.length + column - from)}^`;
}
