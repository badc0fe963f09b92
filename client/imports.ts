import { RowcastError } from '../errors.ts';
import { readDeliveredCalls, readFailedRows } from '../storage/failedRows.ts';
import type { DeliveredCall, FailedRow } from '../storage/manifest.ts';
import { findStorage } from '../storage/open.ts';
import type { Storage } from '../storage/storage.ts';
import { MESSAGES, parseRunName, runFolder, syncWorkflowId } from '../workflows/contract.ts';
import type { ImportRecord, RunFiles, SyncDescription } from '../workflows/contract.ts';
import { cancelRun } from './cancelRun.ts';
import { checkedLimit, eachItem, missingWords } from './context.ts';
import type { ClientContext, Page, PageRequest } from './context.ts';
import { groupErrors } from './errorGroups.ts';
import type { ErrorGroup } from './errorGroups.ts';
import { asItIs, importsOf } from './importRecords.ts';
import { runningSyncs } from './lostSyncs.ts';
import { pause } from './pause.ts';
import { progressOf } from './progress.ts';
import type { Progress } from './progress.ts';
import { describeRun, unbegunRun } from './unbegunRun.ts';

export interface ImportsRequest extends PageRequest {
  /** Only those of this sync. */
  readonly sync?: string;
}

/** What can be done with imports. A run may be named whole, or by its workflow id alone. Every call throws `RowcastError`. */
export interface Imports {
  /** Newest first. */
  page(request?: ImportsRequest): Promise<Page<ImportRecord>>;
  list(sync?: string, signal?: AbortSignal): AsyncGenerator<ImportRecord>;
  get(run: string, signal?: AbortSignal): Promise<ImportRecord>;
  /** What is wrong with the rows that failed, and with how many, the most frequent first. */
  errorGroups(run: string, signal?: AbortSignal): Promise<ErrorGroup[]>;
  /** The rows that failed, in the order of the result. */
  errors(run: string, signal?: AbortSignal): AsyncGenerator<FailedRow>;
  /** The first calls that were delivered, beside their rows. */
  calls(run: string, signal?: AbortSignal): AsyncGenerator<DeliveredCall>;
  /** How far a run is, again and again until it ends. */
  watch(run: string, signal?: AbortSignal): AsyncGenerator<Progress>;
  /**
   * Stops a run under way, and answers its import, which says how many calls had gone; still `running` where no
   * worker ended it in time. Its window stays.
   *
   * @throws RowcastError not_found, also where the run has ended already.
   */
  cancel(run: string, signal?: AbortSignal): Promise<ImportRecord>;
  /** Waits until a run has ended, and answers its import. */
  wait(run: string, signal?: AbortSignal): Promise<ImportRecord>;
}

const PAGE_SIZE = 20;
const WATCH_MS = 500;

export function createImports(context: ClientContext): Imports {
  const page = (request: ImportsRequest = {}) => pageOf(context, request);
  const get = (run: string, signal?: AbortSignal) => getImport(context, run, signal);
  async function* errors(run: string, signal?: AbortSignal): AsyncGenerator<FailedRow> {
    const { storage, files } = await filesOf(context, await get(run, signal), signal);
    yield* readFailedRows(storage, files.errorFiles);
  }
  return {
    page,
    get,
    errors,
    errorGroups: (run, signal) => groupErrors(errors(run, signal)),
    list: (sync, signal) =>
      eachItem((request) => page({ ...request, ...(sync === undefined ? {} : { sync }) }), signal),
    async *calls(run, signal) {
      const { storage, files } = await filesOf(context, await get(run, signal), signal);
      yield* readDeliveredCalls(storage, files.callFiles);
    },
    async *watch(run, signal) {
      for (;;) {
        const progress = await progressOf(context, run, signal);
        yield progress;
        if (!progress.running) return;
        await pause(WATCH_MS, signal);
      }
    },
    async cancel(run, signal) {
      const record = await get(run, signal);
      if (record.outcome === 'running') return cancelRun(context, record, signal);
      throw new RowcastError(
        'not_found',
        `The run ${record.run} is not under way: it ended at ${record.endedAt ?? '-'} as ${record.outcome}.`,
      );
    },
    async wait(run, signal) {
      while ((await progressOf(context, run, signal)).running) {
        await pause(WATCH_MS, signal);
      }
      return get(run, signal);
    },
  };
}

async function pageOf(
  context: ClientContext,
  { sync, limit = PAGE_SIZE, pageToken, signal }: ImportsRequest,
): Promise<Page<ImportRecord>> {
  checkedLimit(limit);
  const syncs = sync === undefined ? await runningSyncs(context, signal) : [sync];
  const found = await Promise.all(syncs.map((name) => importsOf(context, name, signal)));
  if (sync !== undefined && found[0] === null) {
    throw new RowcastError('not_found', missingWords('sync', sync));
  }
  const newestFirst = found
    .flatMap((imports) => imports ?? [])
    .sort((left, right) => (sortKey(left) < sortKey(right) ? 1 : -1));
  const start = pageToken === undefined ? 0 : newestFirst.findIndex((record) => sortKey(record) < pageToken);
  const items = start < 0 ? [] : newestFirst.slice(start, start + limit);
  const last = items.at(-1);
  const isLast = last === undefined || last === newestFirst.at(-1);
  const current = await Promise.all(items.map((record) => asItIs(context, record, signal)));
  return { items: current, nextPageToken: isLast ? null : sortKey(last) };
}

const sortKey = ({ startedAt, run }: ImportRecord) => `${startedAt} ${run}`;

const RUN_ID = /^rowcast-run-(.+)-\d{4}-\d{2}-\d{2}T[0-9:]+Z/;

async function getImport(context: ClientContext, run: string, signal?: AbortSignal): Promise<ImportRecord> {
  const sync = RUN_ID.exec(run)?.[1] ?? (await describeRun(context, run, signal))?.sync ?? null;
  const imports = sync === null ? null : await importsOf(context, sync, signal);
  const record = imports?.find(
    (candidate) => candidate.run === run || parseRunName(candidate.run)?.workflowId === run,
  );
  if (record === undefined) {
    const unbegun = await unbegunRun(context, run, signal);
    if (unbegun !== null) return unbegun;
    throw new RowcastError(
      'not_found',
      `There is no import of a run ${JSON.stringify(run)}; \`rowcast import list\` shows the newest.`,
    );
  }
  return asItIs(context, record, signal);
}

/** Where a run's errors and calls are. @throws RowcastError storage_mismatch where this client cannot see the sync's storage. */
async function filesOf(
  context: ClientContext,
  { run, sync }: ImportRecord,
  signal?: AbortSignal,
): Promise<{ storage: Storage; files: RunFiles }> {
  const description = await context.query<SyncDescription>(
    syncWorkflowId(sync),
    MESSAGES.describe,
    [],
    signal,
  );
  const wanted = description?.storage;
  const storage = await findStorage(context.storageLocation);
  if (storage === null || (wanted !== undefined && storage.identity.id !== wanted.id)) {
    const theirs =
      wanted === undefined ? 'its storage' : `the storage ${wanted.id} (${wanted.location} on its worker)`;
    throw new RowcastError(
      'storage_mismatch',
      `The rows of ${sync} are in ${theirs}, but here ${context.storageLocation} is ${storage === null ? 'no storage' : `the storage ${storage.identity.id}`}; set ROWCAST_STORAGE to the former, or ask on the worker's machine.`,
    );
  }
  const index = await storage.get(`${runFolder(sync, run)}/import.json`);
  const files =
    index === null
      ? { version: 1 as const, errorFiles: [], callFiles: [] }
      : (JSON.parse(String(index)) as RunFiles);
  return { storage, files };
}
