import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { sweepId, WORKFLOWS } from '../workflows/contract.ts';

const EVERY = '6 hours';

/** Has a storage swept, four times a day, by whichever worker is there; a Schedule that there is stays as it is. */
export async function scheduleSweep(
  client: Client,
  { taskQueue, storageId }: { readonly taskQueue: string; readonly storageId: string },
): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: sweepId(storageId),
      spec: { intervals: [{ every: EVERY }], jitter: '1 hour' },
      action: {
        type: 'startWorkflow',
        workflowType: WORKFLOWS.sweep,
        workflowId: sweepId(storageId),
        taskQueue,
        args: [],
        staticSummary: 'remove what is not to be kept any longer from storage',
      },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 hour' },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
