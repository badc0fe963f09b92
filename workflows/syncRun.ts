import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';
import { keepMs } from '../definitions/keepMs.ts';
import type {
  ControlActivities,
  ExtractActivities,
  RunStartTimes,
  StagedRows,
  StorageActivities,
} from '../activities/types.ts';
import { onceTaken } from './busy.ts';
import { runFolder, runName } from './contract.ts';
import type { ImportRecord } from './contract.ts';
import { deliverStaged } from './delivery.ts';
import type { Delivered } from './delivery.ts';
import { explain, storageFailure } from './failure.ts';
import { RUN_ARGUMENTS_VERSION } from './messages.ts';
import type { FinishRunRequest, RunArguments, RunPlan } from './messages.ts';
import { isCovered } from './syncState.ts';
import { sentenceOf } from './words.ts';

const control = proxyActivities<Pick<ControlActivities, 'beginRun' | 'finishRun'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
});

type RunResult = Omit<FinishRunRequest, 'skippedAfter' | 'beginning'>;

/** What a run's `run` and its sync are called. */
interface RunIdentity {
  readonly run: string;
  readonly sync: string;
}

/**
 * One run of a sync: ask for the window, read all of it into storage, deliver it, close the books.
 *
 * It knows its sync from the Schedule that started it, since `temporal schedule update` drops arguments.
 *
 * @returns the import, or null where the sync no longer knows the run.
 * @throws ApplicationFailure of the import's error code where the run failed, so that Temporal shows it as failed.
 */
export async function syncRun(args?: RunArguments): Promise<ImportRecord | null> {
  const identity = identify();
  let plan: RunPlan | null;
  try {
    plan = await begin(identity, args);
  } catch (error) {
    return await endUnbegun(identity, error);
  }
  if (plan === null) return null;
  const result = await coverWindow(identity, plan);
  const record = await CancellationScope.nonCancellable(() =>
    control.finishRun({ sync: identity.sync, result }),
  );
  return end(result, record);
}

/** A run that could not begin is recorded all the same, where its sync is there to be told, and fails for its reason. */
async function endUnbegun(identity: RunIdentity, error: unknown): Promise<ImportRecord | null> {
  const { code, message } = explain(error, { storage: null, storageWaitMs: 0, giveUpAfter: '1 hour' });
  const result: RunResult = {
    run: identity.run,
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
    control.finishRun({ sync: identity.sync, result, start: startOf(workflowInfo()) }),
  ).catch(() => null);
  return end(result, record);
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

const SCHEDULED_BY = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);
const SCHEDULED_AT = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);
const SCHEDULE_ID_PREFIX = 'rowcast-sync-';

function identify(): RunIdentity {
  const info = workflowInfo();
  const schedule = info.typedSearchAttributes.get(SCHEDULED_BY);
  if (!schedule?.startsWith(SCHEDULE_ID_PREFIX)) {
    throw ApplicationFailure.nonRetryable(
      'A run is started by the Schedule of its sync; use `rowcast sync run NAME` or `temporal schedule trigger`.',
      'not_found',
    );
  }
  return {
    run: runName(info.workflowId, info.firstExecutionRunId),
    sync: schedule.slice(SCHEDULE_ID_PREFIX.length),
  };
}

function startOf({ startTime, typedSearchAttributes }: WorkflowInfo): RunStartTimes {
  return {
    startedAt: startTime.toISOString(),
    scheduledAt: (typedSearchAttributes.get(SCHEDULED_AT) ?? startTime).toISOString(),
  };
}

/** Asks for the lease until it is granted; null where another run holds it. */
async function begin({ run, sync }: RunIdentity, args: RunArguments | undefined): Promise<RunPlan | null> {
  const upToDate = args?.version === RUN_ARGUMENTS_VERSION;
  const input = { run, sync, ...startOf(workflowInfo()), upToDate };
  for (;;) {
    const begun = await control.beginRun(input);
    switch (begun.kind) {
      case 'granted':
        return begun.plan;
      case 'skipped':
        setCurrentDetails(`Skipped: ${begun.holder ?? 'another run'} was under way.`);
        return null;
      case 'wait':
        setCurrentDetails('Waiting until nothing of an earlier run, which was lost, can still be sent.');
        await sleep(begun.ms);
    }
  }
}

/** How far a run came with its window. */
interface Coverage {
  staged: StagedRows | null;
  delivered: Delivered;
  /** Whether nobody heard how its delivery ended. */
  unheard: boolean;
}

/** Extracts and delivers; whatever goes wrong becomes the result. */
async function coverWindow({ run, sync }: RunIdentity, plan: RunPlan): Promise<RunResult> {
  const folder = runFolder(sync, run);
  const progress: Coverage = {
    staged: null,
    delivered: { delivered: 0, failed: 0, errorFiles: [], callFiles: [] },
    unheard: false,
  };
  let result: RunResult;
  try {
    setCurrentDetails(`Reading everything since ${plan.since} (Unix seconds).`);
    const staged = await extract(plan, folder);
    progress.staged = staged;
    refuseHopeless(plan, staged.rows, staged.failed, 0);
    setCurrentDetails(`Delivering ${staged.rows - staged.failed} calls of ${staged.rows} rows.`);
    await deliverStaged(plan, folder, staged, {
      onDelivered: (delivered) => (progress.delivered = delivered),
      onUnheard: () => (progress.unheard = true),
    });
    closeBooks(plan, staged, progress.delivered);
    result = accounted(run, staged, progress.delivered);
  } catch (error) {
    result = broken(run, plan, error, progress);
  }
  if (progress.staged === null || progress.staged.filesLeft) {
    result = await settle(folder, plan, progress, result);
  }
  // What may still arrive of a window that is covered has arrived before, and is dropped for its ids.
  const unheard = progress.unheard && !isCovered(result);
  return { ...result, ...(unheard ? { unheard } : {}), endedAt: new Date().toISOString() };
}

/** A query is read for no longer than this, all attempts together. */
const READ_MAX = '24 hours';

async function extract(plan: RunPlan, folder: string): Promise<StagedRows> {
  const { extractRows } = proxyActivities<ExtractActivities>({
    taskQueue: plan.queues.extract,
    scheduleToStartTimeout: plan.settings.storageWaitMs,
    // A query that takes its worker down, each time, ends as well.
    scheduleToCloseTimeout: READ_MAX,
    heartbeatTimeout: plan.settings.heartbeatMs,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary: `read ${plan.sync.integration}`,
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  });
  return onceTaken(plan.queues, () => extractRows({ plan, folder }));
}

/** What is wrong with every row stops the run, so that its window stays and repeats. */
const HOPELESS_ROWS = 100;

function refuseHopeless(plan: RunPlan, rows: number, failed: number, delivered: number): void {
  if (failed > plan.sync.maxFailedRows) {
    throw ApplicationFailure.nonRetryable(
      `${failed} rows failed, more than the ${plan.sync.maxFailedRows} that the sync allows (\`maxFailedRows\`). The window repeats with the next run.`,
      'too_many_failed_rows',
    );
  }
  if (delivered === 0 && failed >= HOPELESS_ROWS && failed === rows) {
    throw ApplicationFailure.nonRetryable(
      `None of the ${rows} rows became a delivered call. See why with \`rowcast import errors\`, and correct the query; the window repeats with the next run.`,
      'nothing_delivered',
    );
  }
}

/** Invariant: rows read = delivered + failed. */
function closeBooks(plan: RunPlan, staged: StagedRows, delivered: Delivered): void {
  const failed = staged.failed + delivered.failed;
  if (staged.rows !== delivered.delivered + failed) {
    throw ApplicationFailure.nonRetryable(
      `The books do not close: ${staged.rows} rows were read, but ${delivered.delivered} delivered and ${failed} failed. The window repeats with the next run; please report this.`,
      'books_not_closed',
    );
  }
  refuseHopeless(plan, staged.rows, failed, delivered.delivered);
}

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

function broken(
  run: string,
  plan: RunPlan,
  error: unknown,
  { staged, delivered, unheard }: Coverage,
): RunResult {
  const failure = explain(error, {
    storage: plan.storage,
    storageWaitMs: plan.settings.storageWaitMs,
    giveUpAfter: staged === null ? READ_MAX : plan.sync.giveUpAfter,
  });
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
    error: failure.message + gone,
    warnings: staged?.warnings ?? [],
  };
}

/** Leaves only the errors and calls of the run in storage, whatever became of it. */
async function settle(
  folder: string,
  plan: RunPlan,
  progress: Coverage,
  result: RunResult,
): Promise<RunResult> {
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
  try {
    await CancellationScope.nonCancellable(() =>
      settleRun({ folder, errorFiles, callFiles: delivered.callFiles }),
    );
    return result;
  } catch (error) {
    if (result.outcome === 'failed' || result.outcome === 'cancelled') return result;
    const { storage, settings } = plan;
    const reason = storageFailure(error, { storage, storageWaitMs: settings.storageWaitMs });
    return broken(result.run, plan, reason, progress);
  }
}
