import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';
import type { ExtractActivities, RunStartTimes, StagedRows } from '../activities/types.ts';
import { onceTaken } from './busy.ts';
import { runName } from './contract.ts';
import type { ImportRecord } from './contract.ts';
import { control, cover, endUnbegun, finish } from './coverage.ts';
import type { RunIdentity } from './coverage.ts';
import { RUN_ARGUMENTS_VERSION } from './messages.ts';
import type { RunArguments, RunPlan } from './messages.ts';
import { windowWords } from './words.ts';

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
    return await endUnbegun(identity, error, { start: startOf(workflowInfo()) });
  }
  if (plan === null) return null;
  return finish(identity.sync, plan, await coverWindow(identity, plan));
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

function coverWindow(identity: RunIdentity, plan: RunPlan) {
  return cover(identity, plan, {
    stage: (folder) => {
      setCurrentDetails(windowWords(plan.since));
      return extract(plan, folder);
    },
    mustBeHopeful: (rows, failed, delivered) => refuseHopeless(plan, rows, failed, delivered),
    afterwards: 'The window repeats with the next run.',
    stageMax: READ_MAX,
  });
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
