import { RowcastError } from '../errors.ts';
import { readDeliveredCalls, readFailedRows } from '../storage/failedRows.ts';
import { readManifest } from '../storage/manifest.ts';
import type { DeliveredCall, FailedRow, Manifest } from '../storage/manifest.ts';
import type { Storage } from '../storage/storage.ts';
import { readRunFiles } from '../storage/runFiles.ts';
import type { RunFiles } from '../storage/runFiles.ts';
import { parseRunName, runFolder, syncInName } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import { cancelRun } from './cancelRun.ts';
import { eachItem } from './context.ts';
import type { ClientContext, Page } from './context.ts';
import { groupErrors } from './errorGroups.ts';
import type { ErrorGroup } from './errorGroups.ts';
import { archivedImport, importsPage } from './importPages.ts';
import type { ImportsRequest } from './importPages.ts';
import { asItIs, importsOf } from './importRecords.ts';
import { pause } from './pause.ts';
import { mustBeKept } from './mustBeKept.ts';
import { isRunning } from './progress.ts';
import type { Progress } from './progress.ts';
import { retryImport } from './retryImport.ts';
import type { RetryOptions } from './retryImport.ts';
import type { StartedRun } from './startRun.ts';
import { storageOf } from './syncStorage.ts';
import { describeRun, unbegunRun } from './unbegunRun.ts';
import { watchAll, watchRun } from './watch.ts';
import type { WatchedImport } from './watch.ts';

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
  /** Where each column of its rows went, and why; empty for runs of 0.4.0, and where nothing of a run was kept. */
  placements(run: string, signal?: AbortSignal): Promise<readonly Placement[]>;
  /**
   * Sends the failed rows of a run again: a run of its own, which changes the counts of the one that it retries.
   *
   * @throws RowcastError nothing_to_retry, not_found, run_overlaps.
   */
  retry(run: string, options?: RetryOptions): Promise<StartedRun>;
  /** How far a run is, again and again until it ends. */
  watch(run: string, signal?: AbortSignal): AsyncGenerator<Progress>;
  /**
   * How far every run is that is under way, again and again, in the order in which they began. New ones appear, and
   * one that has ended comes a last time, with its import. It does not end by itself.
   */
  watchAll(signal?: AbortSignal): AsyncGenerator<readonly WatchedImport[]>;
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

type Placement = Manifest['placements'][number];

/** A retry notes the place that a column had before beside today's, which may be the same. */
function placementsIn({ placements }: Manifest): Placement[] {
  const byPlace = new Map(
    placements.map((placement) => [JSON.stringify([placement.column, placement.path]), placement]),
  );
  return [...byPlace.values()];
}

const POLL_MS = 500;

export function createImports(context: ClientContext): Imports {
  const page = (request: ImportsRequest = {}) => importsPage(context, request);
  const get = (run: string, signal?: AbortSignal) => getImport(context, run, signal);
  async function* errors(run: string, signal?: AbortSignal): AsyncGenerator<FailedRow> {
    const { storage, files } = await filesOf(context, await get(run, signal), 'errors', signal);
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
      const { storage, files } = await filesOf(context, await get(run, signal), 'calls', signal);
      let left = files.keepCalls ?? Infinity;
      for await (const call of readDeliveredCalls(storage, files.callFiles)) {
        if (left === 0) return;
        left -= 1;
        yield call;
      }
    },
    async placements(run, signal) {
      const { storage, files } = await filesOf(context, await get(run, signal), 'calls', signal);
      return files.manifest === undefined ? [] : placementsIn(await readManifest(storage, files.manifest));
    },
    async retry(run, { code, signal } = {}) {
      const record = await get(run, signal);
      const groups = () => groupErrors(errors(record.run, signal));
      return retryImport(context, record, { groups, code: code ?? null, ...(signal ? { signal } : {}) });
    },
    watch: (run, signal) => watchRun(context, run, signal),
    watchAll: (signal) => watchAll(context, get, signal),
    async cancel(run, signal) {
      const record = await get(run, signal);
      if (record.outcome === 'running') return cancelRun(context, record, signal);
      throw new RowcastError(
        'not_found',
        `The run ${record.run} is not under way: it ended at ${record.endedAt ?? '-'} as ${record.outcome}.`,
      );
    },
    async wait(run, signal) {
      while (await isRunning(context, run, signal)) await pause(POLL_MS, signal);
      return get(run, signal);
    },
  };
}

async function getImport(context: ClientContext, run: string, signal?: AbortSignal): Promise<ImportRecord> {
  // Temporal refuses to be asked for a workflow without a name.
  if (run === '') throw noImport(run);
  const sync = syncInName(run) ?? (await describeRun(context, run, signal))?.sync ?? null;
  const isThis = (name: string) => name === run || parseRunName(name)?.workflowId === run;
  const imports = sync === null ? null : await importsOf(context, sync, signal);
  const record = imports?.find((candidate) => isThis(candidate.run));
  if (record === undefined) {
    const unbegun = await unbegunRun(context, run, signal);
    const older = unbegun ?? (sync && imports && (await archivedImport(context, sync, isThis, signal)));
    if (older) return older;
    throw noImport(run);
  }
  return asItIs(context, record, signal);
}

function noImport(run: string): RowcastError {
  return new RowcastError(
    'not_found',
    `There is no import of a run ${JSON.stringify(run)}; \`rowcast import list\` shows the newest.`,
  );
}

/**
 * Where a run's errors and calls are.
 *
 * @throws RowcastError not_found where they are not kept any more; storage_mismatch where this client cannot see the
 * sync's storage.
 */
async function filesOf(
  context: ClientContext,
  record: ImportRecord,
  what: 'errors' | 'calls',
  signal?: AbortSignal,
): Promise<{ storage: Storage; files: RunFiles }> {
  const { run, sync, retried } = record;
  // What is left of a run's failed rows once some were sent again is with the run that did so.
  const left = what === 'errors' && retried !== undefined ? retried : null;
  await mustBeKept(context, left === null ? record : { ...record, startedAt: left.at }, what, signal);
  const storage = await storageOf(context, sync, signal);
  const files = await readRunFiles(storage, runFolder(sync, left?.by ?? run));
  if (left === null) return { storage, files };
  return { storage, files: { ...files, errorFiles: [...files.errorFiles, ...(files.untriedFiles ?? [])] } };
}
