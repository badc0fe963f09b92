import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleDescription } from '@temporalio/client';
import { RowcastError } from '../errors.ts';
import { runName, scheduleId } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { pause } from './pause.ts';

/** The run that was started, or the one that was under way already. */
export interface StartedRun {
  readonly started: boolean;
  readonly run: string;
}

const POLL_MS = 150;
const POLLS_MAX = 100;

/**
 * Triggers the Schedule of a sync and finds out which run that started. Temporal starts none while another one
 * is running (overlap SKIP).
 */
export async function startRun(
  context: ClientContext,
  name: string,
  signal?: AbortSignal,
): Promise<StartedRun> {
  const handle = context.client.schedule.getHandle(scheduleId(name));
  const before = await context.ask(() => handle.describe(), signal);
  const known = new Set(runsOf(before));
  await context.ask(() => handle.trigger(ScheduleOverlapPolicy.SKIP), signal);
  for (let polls = 0; polls < POLLS_MAX; polls += 1) {
    const now = await context.ask(() => handle.describe(), signal);
    const started = runsOf(now).find((run) => !known.has(run));
    if (started !== undefined) return { started: true, run: started };
    const last = runsOf(now).at(-1);
    const skipped = now.info.numActionsSkippedOverlap > before.info.numActionsSkippedOverlap;
    if (skipped && last !== undefined) return { started: false, run: last };
    await pause(POLL_MS, signal);
  }
  throw new RowcastError(
    'no_worker',
    `Temporal did not start a run of ${name}; look at its Schedule ${scheduleId(name)} in the Temporal Web UI.`,
  );
}

function runsOf({ info }: ScheduleDescription): string[] {
  return info.recentActions.map(({ action }) =>
    runName(action.workflow.workflowId, action.workflow.firstExecutionRunId),
  );
}
