import { setTimeout as sleep } from 'node:timers/promises';
import { rowOf } from '../connectors/reading.ts';
import type { QueryResult, Row, Source } from '../connectors/source.ts';
import { renderQuery } from '../definitions/query.ts';
import { RowcastError } from '../errors.ts';
import { createMapper } from '../mapping/createMapper.ts';
import { createEncodedMapper } from '../mapping/encodedMapper.ts';
import type { Mapper, MappingOptions } from '../mapping/mapper.ts';
import { digestPrefix } from '../mapping/messageId.ts';
import { rowJson } from '../mapping/rowData.ts';
import type { Manifest } from '../storage/manifest.ts';
import type { Digester } from '../storage/digester.ts';
import { Staging } from '../storage/staging.ts';
import type { Memory } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';

export interface ExtractRequest {
  readonly source: Source;
  readonly storage: Storage;
  /** The folder of this attempt, which is its alone. */
  readonly folder: string;
  readonly query: string;
  /** The value for `{{last_sync_time}}`, in whole Unix seconds. */
  readonly since: number;
  readonly mapping: MappingOptions;
  readonly rowsWarn: number;
  readonly rowsMax: number;
  readonly maxFailedRows: number;
  readonly lanes: number;
  readonly chunkBytes: number;
  readonly memory: Memory;
  readonly digester: Digester;
  readonly pageRows: number;
  readonly signal: AbortSignal;
  /** The query of an earlier attempt at the same window, if any. */
  readonly startedBefore?: StartedQuery | null;
  /** Told of a query that another attempt could take up. */
  readonly onStarted?: (query: StartedQuery) => void;
  /** Whether a later attempt is to take the query up though the signal was aborted; absent: none is. */
  readonly goesOn?: () => boolean;
  /** Told the number of rows read, and how many of them cannot become calls, after each page. */
  readonly onProgress: (rows: number, failed: number) => void;
}

/** A query whose result a later attempt may take up. */
export interface StartedQuery {
  /** The source's own id. */
  readonly id: string;
  /** What `last_sync_time` becomes by it: the second before it began, however much later its result is read. */
  readonly until: number;
}

export interface Extraction {
  readonly manifest: Manifest;
  /** What `last_sync_time` becomes: whole Unix seconds by the source's clock. */
  readonly until: number;
  readonly warnings: readonly string[];
}

/**
 * Reads a query to its end into staged chunks. Nothing of it counts until the manifest is stored.
 *
 * @throws RowcastError of the source, the mapping, the limits or the storage.
 */
export async function extract(request: ExtractRequest): Promise<Extraction> {
  const { source, signal, pageRows, query, since, startedBefore = null, onStarted } = request;
  const { goesOn = () => false } = request;
  const now = await waitForFullSecond(source, signal);
  const started = (id: string) => onStarted?.({ id, until: now });
  const resume = { from: startedBefore?.id ?? null, started, goesOn };
  const result = await source.query({ sql: renderQuery(query, since), pageRows, signal, resume });
  const until = result.isResumed === true && startedBefore !== null ? startedBefore.until : now;
  const mapper = createMapper(result.columns, request.mapping);
  const staging = new Staging({ ...request, digestPrefix: digestPrefix(request.mapping) });
  try {
    const rows = await stageAll(result, mapper, staging, request);
    const staged = await staging.finish();
    const { placements } = mapper;
    const warnings = [...mapper.warnings, ...rowWarnings(rows, request)];
    return { manifest: { version: 2, ...staged, columns: mapper.columns, placements }, until, warnings };
  } finally {
    await staging.abandon();
  }
}

/**
 * Waits until the second in which the run began is over, by the source's own clock, and answers that second.
 *
 * A row that changes in a second after it was read would be missed by `> {{last_sync_time}}`; a second that is
 * over before the query starts cannot change any more. The worker's clock has no part in it.
 */
async function waitForFullSecond(source: Source, signal: AbortSignal): Promise<number> {
  let nowMs = await source.clock();
  const until = Math.floor(nowMs / 1_000);
  const overMs = (until + 1) * 1_000;
  // A standby that nothing is written to stands still: what it has replayed is whole all the same.
  for (let waits = 0; nowMs < overMs && waits < 10; waits += 1) {
    await sleep(overMs - nowMs + 1, undefined, { signal }).catch(() => signal.throwIfAborted());
    nowMs = await source.clock();
  }
  return until;
}

async function stageAll(
  result: QueryResult,
  mapper: Mapper,
  staging: Staging,
  request: ExtractRequest,
): Promise<number> {
  const { rowsMax, maxFailedRows, signal, onProgress } = request;
  let rows = 0;
  for await (const page of stagers(result, mapper, staging, request)) {
    signal.throwIfAborted();
    while (page(rows + 1)) {
      rows += 1;
      if (staging.full) await staging.flush();
    }
    if (rows > rowsMax) throw tooManyRows(rowsMax);
    if (staging.failed > maxFailedRows) throw tooManyFailed(maxFailedRows);
    await staging.flush();
    onProgress(rows, staging.failed);
  }
  return rows;
}

/** Stages the next row of a page under its number; false after the last. */
type StageNext = (number: number) => boolean;

/** The pages of a result, in their bytes where source and mapping can. */
async function* stagers(
  result: QueryResult,
  mapper: Mapper,
  staging: Staging,
  { mapping }: ExtractRequest,
): AsyncGenerator<StageNext> {
  const stage = (number: number, row: Row) => {
    const call = mapper.map(row);
    if (call.ok) staging.add(number, call);
    else staging.fail(number, call, rowJson(mapper.columns, row, mapping.timeZone));
  };
  const { columns, encoded } = result;
  const encodedMapper = encoded === undefined ? null : createEncodedMapper(columns, mapping, encoded.isText);
  if (encoded === undefined || encodedMapper === null) {
    for await (const page of result.pages) {
      const rows = page.values();
      yield (number) => {
        const next = rows.next();
        if (next.done !== true) stage(number, next.value);
        return next.done !== true;
      };
    }
    return;
  }
  for await (const page of encoded.pages) {
    yield (number) => {
      if (!page.next()) return false;
      const call = encodedMapper(page);
      if (call === null) stage(number, rowOf(page));
      else staging.addEncoded(number, call);
      return true;
    };
  }
}

function rowWarnings(rows: number, { rowsWarn, rowsMax }: ExtractRequest): string[] {
  if (rows <= rowsWarn) return [];
  return [
    `The query returned ${rows} rows, more than the ${rowsWarn} that are recommended; more than ${rowsMax} are refused.`,
  ];
}

function tooManyRows(rowsMax: number): RowcastError {
  return new RowcastError(
    'limit_exceeded',
    `The query returns more than ${rowsMax} rows, the limit (\`limits.rowsMax\`); nothing was sent. Narrow it, or split the sync.`,
  );
}

function tooManyFailed(maxFailedRows: number): RowcastError {
  return new RowcastError(
    'too_many_failed_rows',
    `More than ${maxFailedRows} rows cannot become calls (\`maxFailedRows\`); nothing was sent. Look at some with \`rowcast sync preview\`, and correct the query.`,
  );
}
