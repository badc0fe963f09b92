import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  proxyActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type {
  ControlActivities,
  FinishRunInput,
  SettleRunInput,
  StagedRows,
  StorageActivities,
} from '../activities/types.ts';
import { keepMs } from '../definitions/keepMs.ts';
import type { LanePosition } from '../delivery/laneRequest.ts';
import { runFolder } from './contract.ts';
import type { ImportRecord } from './contract.ts';
import { deliverStaged } from './delivery.ts';
import type { Delivered } from './delivery.ts';
import { explain, storageFailure } from './failure.ts';
import type { FinishRunRequest, RunPlan } from './messages.ts';
import { answerStanding } from './standing.ts';
import { noteSearchAttributes } from './searchAttributes.ts';
import { isCovered } from './syncState.ts';
import { sentenceOf } from './words.ts';

/* What a run does once it knows what it is to cover, and what becomes of it. */

/** Asks a sync for the lease, and hands back what came of it. */
export const control = proxyActivities<Pick<ControlActivities, 'beginRun' | 'finishRun'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
  summary: 'lease and result, at the sync',
});

type RunResult = Omit<FinishRunRequest, 'skippedAfter' | 'beginning'>;

/** What a run and its sync are called. */
export interface RunIdentity {
  readonly run: string;
  readonly sync: string;
}

/** In what runs differ. */
export interface RunSteps {
  /** Puts calls into storage. */
  readonly stage: (folder: string) => Promise<StagedRows>;
  /** Throws where something is wrong with every row. */
  readonly mustBeHopeful: (rows: number, failed: number, delivered: number) => void;
  /** What becomes of the rows where the run fails; a sentence. */
  readonly afterwards: string;
  /** How long its stage may take, all attempts together. */
  readonly stageMax: string;
}

/** A run at work. */
interface Covering {
  readonly run: string;
  readonly plan: RunPlan;
  readonly steps: RunSteps;
}

/** How far a run came. */
interface Coverage {
  staged: StagedRows | null;
  delivered: Delivered;
  /** Whether nobody heard how its delivery ended. */
  unheard: boolean;
}

/** Stages and delivers; whatever goes wrong becomes the result. */
export async function cover({ run, sync }: RunIdentity, plan: RunPlan, steps: RunSteps): Promise<RunResult> {
  const folder = runFolder(sync, run);
  const covering = { run, plan, steps };
  const progress: Coverage = {
    staged: null,
    delivered: { delivered: 0, failed: 0, errorFiles: [], callFiles: [] },
    unheard: false,
  };
  const standing = answerStanding(plan.destination.name);
  await noteBegun(sync, plan);
  let result: RunResult;
  try {
    const staged = await steps.stage(folder);
    progress.staged = staged;
    steps.mustBeHopeful(staged.rows, staged.failed, 0);
    standing.tell({ stage: 'delivering', ...countsOf(staged, []) });
    await deliverStaged(plan, folder, staged, {
      onDelivered: (delivered, lanes) => {
        progress.delivered = delivered;
        standing.tell(countsOf(staged, lanes));
      },
      onUnheard: () => (progress.unheard = true),
    });
    closeBooks(steps, staged, progress.delivered);
    result = accounted(run, staged, progress.delivered);
  } catch (error) {
    result = broken(covering, error, progress);
  }
  standing.tell({ stage: 'ending' });
  if (progress.staged === null || progress.staged.filesLeft) {
    result = await settle(covering, folder, progress, result);
  }
  // What may still arrive of rows that are all accounted for has arrived before, and is dropped for its ids.
  const unheard = progress.unheard && !isCovered(result);
  return { ...result, ...(unheard ? { unheard } : {}), endedAt: new Date().toISOString() };
}

/** How far a run is, for those who watch. */
function countsOf({ rows, failed, laneRows }: StagedRows, lanes: readonly LanePosition[]) {
  const laneOf = (of: number, lane: number) => ({
    rows: of,
    delivered: lanes[lane]?.delivered ?? 0,
    failed: lanes[lane]?.failed ?? 0,
  });
  return { rows, failed, lanes: laneRows.map(laneOf) };
}

/** Lists find a run by what it covers from its begin on. */
async function noteBegun(sync: string, plan: RunPlan): Promise<void> {
  await noteSearchAttributes({ ...coveredBy(sync, plan), RowcastOutcome: 'running' });
}

const coveredBy = (sync: string, { sync: { integration, type }, destination }: RunPlan) => ({
  RowcastSync: sync,
  RowcastIntegration: integration,
  RowcastDestination: destination.name,
  RowcastType: type,
});

/** Hands the result back to the sync, and ends as it says. */
export async function finish(sync: string, plan: RunPlan, result: RunResult): Promise<ImportRecord | null> {
  const handed = { ...result, destination: plan.destination.name };
  const record = await CancellationScope.nonCancellable(() => control.finishRun({ sync, result: handed }));
  const { outcome, delivered, failed } = result;
  // What it covers once more: when it began, the namespace, or its worker, may not have had the attributes yet.
  await noteSearchAttributes({
    ...coveredBy(sync, plan),
    RowcastOutcome: outcome,
    RowcastRowsDelivered: delivered,
    RowcastRowsFailed: failed,
  });
  return end(result, record);
}

/** A run that could not begin is recorded all the same, where its sync is there to be told, and fails for its reason. */
export async function endUnbegun(
  { run, sync }: RunIdentity,
  error: unknown,
  beginning: Pick<FinishRunInput, 'start' | 'retry'>,
): Promise<ImportRecord | null> {
  const circumstances = { storage: null, storageWaitMs: 0, giveUpAfter: '1 hour', afterwards: '' };
  const { code, message } = explain(error, circumstances);
  const result: RunResult = {
    run,
    outcome: code === 'cancelled' ? 'cancelled' : 'failed',
    endedAt: new Date().toISOString(),
    until: null,
    rows: null,
    delivered: null,
    failed: null,
    errorCode: code,
    error: message,
    warnings: [],
  };
  const record = await CancellationScope.nonCancellable(() =>
    control.finishRun({ sync, result, ...beginning }),
  ).catch(() => null);
  return end(result, record);
}

/** Invariant: rows read = delivered + failed. */
function closeBooks(
  { mustBeHopeful, afterwards }: RunSteps,
  staged: StagedRows,
  { delivered, failed: refused }: Delivered,
): void {
  const failed = staged.failed + refused;
  if (staged.rows !== delivered + failed) {
    throw ApplicationFailure.nonRetryable(
      `The books do not close: ${staged.rows} rows were read, but ${delivered} delivered and ${failed} failed. ${afterwards} Please report this.`,
      'books_not_closed',
    );
  }
  mustBeHopeful(staged.rows, failed, delivered);
}

/** @throws CancelledFailure, ApplicationFailure where the run did not cover its window, so that Temporal shows it. */
function end(result: RunResult, record: ImportRecord | null): ImportRecord | null {
  setCurrentDetails(sentenceOf(result));
  if (result.outcome === 'cancelled') throw new CancelledFailure(result.error ?? 'The run was cancelled.');
  if (result.outcome === 'failed') {
    throw ApplicationFailure.nonRetryable(result.error, result.errorCode);
  }
  return record;
}

/** All rows of a run are accounted for. */
function accounted(run: string, staged: StagedRows, delivered: Delivered): RunResult {
  const failed = staged.failed + delivered.failed;
  return {
    run,
    outcome: failed === 0 ? 'succeeded' : 'succeeded_with_errors',
    endedAt: '',
    until: staged.until,
    rows: staged.rows,
    delivered: delivered.delivered,
    failed,
    errorCode: null,
    error: null,
    warnings: staged.warnings,
  };
}

/** A run that did not get to its end. */
function broken(
  { run, plan, steps }: Covering,
  error: unknown,
  { staged, delivered, unheard }: Coverage,
): RunResult {
  const failure = explain(error, {
    storage: plan.storage,
    storageWaitMs: plan.settings.storageWaitMs,
    giveUpAfter: staged === null ? steps.stageMax : plan.sync.giveUpAfter,
    afterwards: steps.afterwards,
  });
  // What stops a run at once says what is wrong and no more; it is met by tests of a destination, too.
  const next = failure.code === 'destination_refused' ? ` ${steps.afterwards}` : '';
  const gone =
    delivered.delivered > 0 || failure.code === 'cancelled'
      ? ` ${unheard ? 'At least ' : ''}${delivered.delivered} calls had gone out by then.`
      : '';
  return {
    run,
    outcome: failure.code === 'cancelled' ? 'cancelled' : 'failed',
    endedAt: '',
    until: staged?.until ?? null,
    rows: staged?.rows ?? null,
    delivered: delivered.delivered,
    failed: (staged?.failed ?? 0) + delivered.failed,
    errorCode: failure.code,
    error: failure.message + next + gone,
    warnings: staged?.warnings ?? [],
  };
}

/** Leaves only the errors and calls of the run in storage, whatever became of it. */
async function settle(
  covering: Covering,
  folder: string,
  progress: Coverage,
  result: RunResult,
): Promise<RunResult> {
  const { plan } = covering;
  const { settleRun } = proxyActivities<Pick<StorageActivities, 'settleRun'>>({
    taskQueue: plan.queues.control,
    scheduleToStartTimeout: plan.settings.storageWaitMs,
    scheduleToCloseTimeout: plan.settings.storageWaitMs,
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: plan.settings.heartbeatMs,
    summary: 'keep errors and calls, remove chunks',
  });
  const { staged, delivered } = progress;
  const keepsErrors = keepMs(plan.sync.keep, 'errors') > 0;
  const errorFiles = keepsErrors ? [...(staged?.errorFiles ?? []), ...delivered.errorFiles] : [];
  const files: SettleRunInput = {
    folder,
    errorFiles,
    ...(keepsErrors && staged?.untriedFiles !== undefined ? { untriedFiles: staged.untriedFiles } : {}),
    callFiles: delivered.callFiles,
    keepCalls: plan.sync.keepCalls,
    ...(staged?.described === undefined ? {} : { manifest: staged.described }),
  };
  try {
    await CancellationScope.nonCancellable(() => settleRun(files));
    return result;
  } catch (error) {
    if (result.outcome === 'failed' || result.outcome === 'cancelled') return result;
    const { storage, settings } = plan;
    const reason = storageFailure(error, { storage, storageWaitMs: settings.storageWaitMs });
    return broken(covering, reason, progress);
  }
}
