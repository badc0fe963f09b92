import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { importsFolder } from '../storage/importSegments.ts';
import type { Storage } from '../storage/storage.ts';
import { parseRunName, runsFolder } from '../workflows/contract.ts';

/** Whether a run is under way, by Temporal's own word. @param run its name. */
export async function isRunning(run: string): Promise<boolean> {
  const name = parseRunName(run);
  if (name === null) return false;
  try {
    const { status, raw } = await getClient().workflow.getHandle(name.workflowId).describe();
    // Two backfills of one minute share a workflow id, but never run at the same time.
    return status.name === 'RUNNING' && raw.workflowExecutionInfo?.firstRunId === name.firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Asks a run to stop; answers whether it was running. What it has sent by then, its import says. */
export async function cancelRun(run: string): Promise<boolean> {
  const name = parseRunName(run);
  // Temporal takes the request for a workflow that was terminated, too.
  if (name === null || !(await isRunning(run))) return false;
  const { workflowId, firstExecutionRunId } = name;
  try {
    await getClient().workflow.getHandle(workflowId, undefined, { firstExecutionRunId }).cancel();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Removes what the runs of a sync left in storage, and its old imports. @throws RowcastError */
export async function removeRuns(storage: Storage, sync: string): Promise<void> {
  await storage.remove(runsFolder(sync));
  await storage.remove(importsFolder(sync));
}
