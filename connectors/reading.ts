import type { Cell, EncodedPage, QueryResult, Row, Source } from './source.ts';

/** A source that has a connection to make. */
interface Opening extends Source {
  open(signal: AbortSignal): Promise<void>;
}

/**
 * Opens a source, or closes what of it was open before it failed.
 *
 * @param failureOf what a failure means.
 * @throws what that says, or the signal's reason.
 */
export async function opened(
  source: Opening,
  signal: AbortSignal,
  failureOf: (error: unknown) => Error,
): Promise<Source> {
  try {
    await source.open(signal);
    return source;
  } catch (error) {
    await source.close();
    signal.throwIfAborted();
    throw failureOf(error);
  }
}

/** A result that is read page by page. */
interface Reading<Page> {
  /** The page that was read already. */
  readonly first: Page;
  /** Reads another; an empty one is the end. */
  readonly next: () => Promise<Page>;
  readonly signal: AbortSignal;
  /** What a failure means. */
  readonly failureOf: (error: unknown) => Error;
  /** Called once, however the reading ends. */
  readonly release?: () => Promise<void>;
}

/** The pages of a result, each read when it is asked for. */
export async function* pagesOf<Page extends { readonly length: number }>(
  reading: Reading<Page>,
): AsyncGenerator<Page, undefined> {
  try {
    for (let page = reading.first; page.length > 0; page = await reading.next()) yield page;
  } catch (error) {
    reading.signal.throwIfAborted();
    throw reading.failureOf(error);
  } finally {
    await reading.release?.();
  }
}

/** The same result, whose pages are read through another iterable, whichever form of them is read. */
export function withPages(
  result: QueryResult,
  through: <Page extends { readonly length: number }>(pages: AsyncIterable<Page>) => AsyncIterable<Page>,
): QueryResult {
  const { encoded } = result;
  return {
    ...result,
    pages: through(result.pages),
    ...(encoded === undefined ? {} : { encoded: { ...encoded, pages: through(encoded.pages) } }),
  };
}

/** The row that an encoded page looks at, as pages of rows have it. */
export function rowOf(page: EncodedPage): Row {
  const cells: Cell[] = [];
  for (let column = 0; column < page.begins.length; column += 1) cells.push(page.cell(column));
  return cells;
}
