import { Context } from '@temporalio/activity';
import { ulid } from 'ulid';
import { RowcastError } from '../errors.ts';
import { extract } from '../extraction/extract.ts';
import type { Extraction, ExtractRequest, StartedQuery } from '../extraction/extract.ts';
import { writeManifest } from '../storage/manifest.ts';
import type { RunPlan } from '../workflows/messages.ts';
import type { ActivityDeps } from './deps.ts';
import { explained } from './failures.ts';
import { heartbeating, sinceScheduled } from './heartbeat.ts';
import { mappingOptions } from './mappingOptions.ts';
import { openIntegration } from './openIntegration.ts';
import type { ExtractRowsInput, StagedRows } from './types.ts';

/** A query that broke off so often, or met a bug, is not read again by this run. */
const BREAKS_MAX = 5;

/**
 * What an extraction heartbeats: its progress, and for the next attempt when the source last answered and the storage
 * first failed, in milliseconds since the activity was scheduled, and how many attempts broke off after the source
 * had answered. A query that outlives its worker is noted too.
 */
interface ExtractHeartbeat {
  readonly stage: 'extract';
  readonly rows: number;
  /** Absent in what older versions noted, as is `furthest`. */
  readonly failed?: number;
  /** The most rows that an attempt before had read, for those who watch. */
  readonly furthest?: number;
  readonly reachedAfterMs: number;
  readonly storageFailedAfterMs: number | null;
  readonly breaks: number;
  /** Absent in what older versions noted. */
  readonly query?: StartedQuery | null;
}

/**
 * Reads the query to its end into chunks, under a folder of this attempt's own. What an attempt leaves behind
 * when it dies is removed when the run ends.
 */
export async function extractRows(
  { plan, folder }: ExtractRowsInput,
  deps: ActivityDeps,
): Promise<StagedRows> {
  const { info, cancellationSignal: signal } = Context.current();
  const before = info.heartbeatDetails as ExtractHeartbeat | undefined;
  const elapsedMs = sinceScheduled();
  let progress: ExtractHeartbeat = {
    stage: 'extract',
    rows: 0,
    failed: 0,
    furthest: Math.max(before?.rows ?? 0, before?.furthest ?? 0),
    reachedAfterMs: before?.reachedAfterMs ?? 0,
    storageFailedAfterMs: before?.storageFailedAfterMs ?? null,
    breaks: before?.breaks ?? 0,
    query: before?.query ?? null,
  };
  let hasAnswered = false;
  using heart = heartbeating(() => progress, deps.settings);
  const attempt = `${folder}/${ulid()}`;
  const reached = (rows: number, failed: number) => {
    hasAnswered = true;
    progress = { ...progress, rows, failed, reachedAfterMs: elapsedMs() };
  };
  const started = (query: StartedQuery) => {
    progress = { ...progress, query };
    heart.now();
  };
  /** Whether waiting has gone on for long enough. */
  const isFinal = (error: unknown) => {
    const { reachedAfterMs, storageFailedAfterMs } = progress;
    if (!isStorageFailure(error) && hasAnswered) {
      progress = { ...progress, reachedAfterMs: elapsedMs(), breaks: progress.breaks + 1 };
      heart.now();
      return progress.breaks >= BREAKS_MAX;
    }
    if (!isStorageFailure(error)) return elapsedMs() - reachedAfterMs > deps.settings.sourcePatienceMs;
    progress = { ...progress, storageFailedAfterMs: storageFailedAfterMs ?? elapsedMs() };
    heart.now();
    return storageFailedAfterMs !== null && elapsedMs() - storageFailedAfterMs > deps.settings.storageWaitMs;
  };

  return await explained(
    async () => {
      try {
        const extraction = await readAll(plan, attempt, deps, {
          ...{ signal, onProgress: reached, onStarted: started, goesOn: isTriedAgain },
          startedBefore: progress.query ?? null,
        });
        heart.now();
        return await stagedRows(extraction, { plan, folder }, attempt, deps);
      } catch (error) {
        await deps.storage.remove(attempt).catch(() => undefined); // What is left goes when the run ends.
        throw signal.aborted ? signal.reason : error;
      }
    },
    (error) => ({ final: isFinal(error) }),
  );
}

/** Whether what aborted this attempt leaves the activity to another one, as a worker does that is stopped in order. */
function isTriedAgain(): boolean {
  const { workerShutdown, paused, timedOut } = Context.current().cancellationDetails ?? {};
  return workerShutdown === true || paused === true || timedOut === true;
}

function isStorageFailure(error: unknown): boolean {
  return error instanceof RowcastError && error.code.startsWith('storage_');
}

type Reading = Pick<ExtractRequest, 'signal' | 'onProgress' | 'onStarted' | 'startedBefore' | 'goesOn'>;

async function readAll(
  plan: RunPlan,
  folder: string,
  deps: ActivityDeps,
  reading: Reading,
): Promise<Extraction> {
  const { storage, settings } = deps;
  refuseOtherStorage(plan, deps);
  const source = await openIntegration(plan.integration, deps, reading.signal);
  try {
    reading.onProgress(0, 0);
    return await extract({
      source,
      storage,
      folder,
      query: plan.sync.query,
      since: plan.since,
      mapping: mappingOptions(plan),
      rowsWarn: plan.sync.limits.rowsWarn,
      rowsMax: plan.sync.limits.rowsMax,
      maxFailedRows: plan.sync.maxFailedRows,
      lanes: plan.settings.lanes,
      chunkBytes: settings.chunkBytes,
      memory: deps.memory,
      digester: deps.digester,
      pageRows: settings.pageRows,
      ...reading,
    });
  } finally {
    await source.close();
  }
}

function refuseOtherStorage({ storage: planned, sync }: RunPlan, { storage: mine }: ActivityDeps): void {
  if (planned.id === mine.identity.id) return;
  throw new RowcastError(
    'storage_mismatch',
    `The sync ${sync.name} keeps its files in the storage ${planned.id} (${planned.location}), but this worker has ${mine.identity.id} (${mine.identity.location}). Start the worker with ROWCAST_STORAGE set to the former.`,
  );
}

async function stagedRows(
  { manifest, until, warnings }: Extraction,
  { plan, folder }: ExtractRowsInput,
  attempt: string,
  { storage, metrics }: ActivityDeps,
): Promise<StagedRows> {
  const bytes = manifest.lanes.flat().reduce((sum, chunk) => sum + chunk.bytes, 0);
  const { name: sync, integration } = plan.sync;
  metrics.read({ sync, integration }, { rows: manifest.rows, failed: manifest.failed, bytes });
  const laneRows = manifest.lanes.map((chunks) => chunks.reduce((sum, { rows }) => sum + rows, 0));
  const counts = { rows: manifest.rows, failed: manifest.failed, laneRows, errorFiles: manifest.errorFiles };
  if (manifest.rows === 0) {
    // An empty run stages nothing; an attempt before this one may have, and so may a run that was lost.
    const filesLeft = plan.leftovers === true || (await storage.list(folder)).length > 0;
    return { ...counts, manifest: null, until, warnings, filesLeft };
  }
  const key = await writeManifest(storage, attempt, manifest);
  return {
    ...counts,
    manifest: manifest.failed === manifest.rows ? null : key,
    until,
    warnings,
    described: key,
    filesLeft: true,
  };
}
