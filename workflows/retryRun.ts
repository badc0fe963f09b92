import {
  proxyActivities,
  ApplicationFailure,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExtractActivities, StagedRows } from '../activities/types.ts';
import { onceTaken } from './busy.ts';
import { runName } from './contract.ts';
import type { ImportRecord, RetryArguments } from './contract.ts';
import { control, cover, endUnbegun, finish } from './coverage.ts';
import type { RunIdentity } from './coverage.ts';
import type { RunPlan } from './messages.ts';

/**
 * Sends the failed rows of a run again: a run of its own, which reads storage in place of the source, leaves
 * `last_sync_time` alone, and changes the counts of the run that it retries.
 *
 * It holds the lease as any run, so that nothing else of the sync is sent meanwhile.
 *
 * @throws ApplicationFailure of the import's error code where it failed; what it retried is as it was.
 */
export async function retryRun({ sync, of, code }: RetryArguments): Promise<ImportRecord | null> {
  const { workflowId, firstExecutionRunId, startTime } = workflowInfo();
  const identity = { run: runName(workflowId, firstExecutionRunId), sync };
  const start = { startedAt: startTime.toISOString(), scheduledAt: startTime.toISOString() };
  const retry = { of, code };
  let plan: RunPlan;
  try {
    plan = await begin(identity, { ...start, upToDate: true, retry });
  } catch (error) {
    return await endUnbegun(identity, error, { start, retry });
  }
  const result = await cover(identity, plan, {
    stage: (folder) => {
      setCurrentDetails(`Taking the failed rows of ${of} out of storage.`);
      return stage(plan, folder);
    },
    // They are all listed already, with what is wrong.
    mustBeHopeful: () => undefined,
    afterwards: `The rows are still listed with the run ${of}; retry it again.`,
    stageMax: STAGE_MAX,
  });
  return finish(sync, plan, result);
}

/** A retry that never finds the lease free ends after this, in milliseconds. */
const WAITS_MAX_MS = 3_600_000;

type Beginning = Omit<Parameters<typeof control.beginRun>[0], 'run' | 'sync'>;

/** Asks for the lease until it is granted. */
async function begin(identity: RunIdentity, beginning: Beginning): Promise<RunPlan> {
  for (let waitedMs = 0; waitedMs < WAITS_MAX_MS;) {
    const begun = await control.beginRun({ ...identity, ...beginning });
    if (begun.kind === 'granted') return begun.plan;
    if (begun.kind === 'skipped') break;
    setCurrentDetails('Waiting for another run of the sync to end.');
    await sleep(begun.ms);
    waitedMs += begun.ms;
  }
  throw ApplicationFailure.nonRetryable(
    `Other runs of the sync ${identity.sync} were under way for an hour, so its failed rows could not be sent; retry when it is idle, or disable it for a while.`,
    'run_overlaps',
  );
}

/** Rows are taken out of storage for no longer than this, all attempts together. */
const STAGE_MAX = '2 hours';

function stage(plan: RunPlan, folder: string): Promise<StagedRows> {
  const { stageFailed } = proxyActivities<Pick<ExtractActivities, 'stageFailed'>>({
    taskQueue: plan.queues.extract,
    scheduleToStartTimeout: plan.settings.storageWaitMs,
    scheduleToCloseTimeout: STAGE_MAX,
    heartbeatTimeout: plan.settings.heartbeatMs,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary: 'take failed rows out of storage',
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  });
  return onceTaken(plan.queues, () => stageFailed({ plan, folder }));
}
