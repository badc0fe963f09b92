import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { parseRunName } from '../workflows/contract.ts';

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
