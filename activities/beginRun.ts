import type { ScheduleDescription } from '@temporalio/client';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import { destinationWorkflowId, integrationWorkflowId, MESSAGES } from '../workflows/contract.ts';
import type { DefinitionDescription, ImportRecord, Trigger } from '../workflows/contract.ts';
import type {
  BegunRun,
  BeginRunAnswer,
  BeginRunRequest,
  RunBeginning,
  RunGrant,
} from '../workflows/messages.ts';
import { RowcastError } from '../errors.ts';
import { describeSchedule, dueOf } from './schedule.ts';
import type { WorkerSettings } from './settings.ts';
import { storageQueues } from './queues.ts';
import { triggerOf } from './trigger.ts';
import type { BeginRunInput, FinishRunInput, RunStartTimes } from './types.ts';
import { explained } from './failures.ts';
import { sinceScheduled } from './heartbeat.ts';
import { isRunning } from './runs.ts';
import { isOfTemporal } from './temporalErrors.ts';
import { queryWorkflow, updateSync } from './workflowCalls.ts';
import type { SyncAddress } from './workflowCalls.ts';

/** The worker cancels an activity that cannot heartbeat this much after its time-out (Temporal's Core SDK). */
const LOCAL_TIMEOUT_BUFFER_MS = 5_000;

/**
 * Asks the sync for the lease and the window, and puts the run's plan together: the definitions that it keeps
 * whatever is applied meanwhile, and this worker's settings.
 *
 * A storage that cannot keep the lease is waited for, but not longer than a run waits for its machine; Temporal for as
 * long as it takes.
 */
export async function beginRun(
  input: BeginRunInput,
  settings: WorkerSettings,
  taskQueue: string,
): Promise<BegunRun> {
  const waitedMs = sinceScheduled();
  return explained(
    () => begin(input, settings, taskQueue),
    (error) => ({ final: !isLostOnTheWay(error) && waitedMs() > settings.storageWaitMs }),
  );
}

/** Whether nobody answered the question, as while Temporal's server or a worker is away. */
function isLostOnTheWay(error: unknown): boolean {
  if (!(error instanceof RowcastError)) return isOfTemporal(error);
  return error.code === 'temporal_unreachable' || error.code === 'no_worker';
}

async function begin(input: BeginRunInput, settings: WorkerSettings, taskQueue: string): Promise<BegunRun> {
  const schedule = await describeSchedule(input.sync);
  const request: BeginRunRequest = {
    run: input.run,
    startedAt: input.startedAt,
    trigger: triggerFrom(schedule, input),
    ...(input.retry === undefined ? {} : { retry: input.retry }),
    skippedBefore: schedule?.info.numActionsSkippedOverlap ?? 0,
    upToDate: input.upToDate,
    holder: null,
    quietMs: settings.heartbeatMs + LOCAL_TIMEOUT_BUFFER_MS + settings.requestTimeoutMs,
    due: dueOf(schedule),
  };
  const answer = await askForLease({ sync: input.sync, taskQueue }, request);
  switch (answer.kind) {
    case 'granted':
      return { kind: 'granted', plan: await planRun(answer.grant, settings) };
    case 'held':
      // Somebody else took the lease between two questions, so somebody is at work.
      return { kind: 'wait', ms: 1_000 };
    case 'ended':
      throw new RowcastError(
        'run_lost',
        `The run ${input.run} has ended and is recorded already; start another one with \`rowcast sync run ${input.sync}\`.`,
      );
    case 'skipped':
    case 'wait':
      return answer;
  }
}

/** Asks; where another run holds the lease, finds out whether it is still running, and asks again. */
async function askForLease(address: SyncAddress, request: BeginRunRequest): Promise<BeginRunAnswer> {
  const ask = (asked: BeginRunRequest) => updateSync<BeginRunAnswer>(address, MESSAGES.beginRun, asked);
  const answer = await ask(request);
  if (answer.kind !== 'held') return answer;
  const state = (await isRunning(answer.holder)) ? 'running' : 'gone';
  return ask({ ...request, holder: { run: answer.holder, state } });
}

/** How a run or a retry was started. */
type RetryableStart = RunStartTimes & Pick<BeginRunInput, 'retry'>;

function triggerFrom(schedule: ScheduleDescription | null, input: RetryableStart): Trigger {
  if (input.retry !== undefined) return 'retry';
  if (schedule === null) return 'manual';
  const { spec, policies } = schedule;
  return triggerOf({
    scheduledAtMs: Date.parse(input.scheduledAt),
    startedAtMs: Date.parse(input.startedAt),
    intervals: (spec.intervals ?? []).map(({ every, offset }) => ({
      everyMs: every,
      offsetMs: offset,
    })),
    catchupWindowMs: policies.catchupWindow,
  });
}

async function planRun(grant: RunGrant, settings: WorkerSettings) {
  const integration = await queryWorkflow<DefinitionDescription<IntegrationDefinition>>(
    integrationWorkflowId(grant.sync.integration),
    MESSAGES.describe,
  );
  const destination = await queryWorkflow<DefinitionDescription<DestinationDefinition>>(
    destinationWorkflowId(integration.definition.destination),
    MESSAGES.describe,
  );
  return {
    ...grant,
    integration: integration.definition,
    destination: destination.definition,
    queues: storageQueues(grant.storage.id),
    settings: {
      heartbeatMs: settings.heartbeatMs,
      storageWaitMs: settings.storageWaitMs,
      deliverMs: settings.deliverMs,
      smallRunRows: settings.smallRunRows,
      lanes: settings.lanes,
    },
  };
}

/** Hands the result back to the sync, with the intervals that were skipped meanwhile. */
export async function finishRun(
  { sync, result, start, retry }: FinishRunInput,
  taskQueue: string,
): Promise<ImportRecord | null> {
  const schedule = await describeSchedule(sync);
  return updateSync<ImportRecord | null>({ sync, taskQueue }, MESSAGES.finishRun, {
    ...result,
    skippedAfter: schedule?.info.numActionsSkippedOverlap ?? null,
    due: dueOf(schedule),
    ...(start === undefined
      ? {}
      : { beginning: beginningOf(schedule, { ...start, ...(retry === undefined ? {} : { retry }) }) }),
  });
}

function beginningOf(schedule: ScheduleDescription | null, start: RetryableStart): RunBeginning {
  const { startedAt, retry } = start;
  return { startedAt, trigger: triggerFrom(schedule, start), ...(retry === undefined ? {} : { retry }) };
}
