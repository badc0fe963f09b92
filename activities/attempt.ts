import { Context, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';

/** Whether the workflow still waits for this attempt of this activity, by Temporal's own word. */
export async function isAwaited(): Promise<boolean> {
  const { activityId, attempt, workflowExecution } = Context.current().info;
  if (workflowExecution === undefined) return false;
  const { workflowId, runId } = workflowExecution;
  try {
    const { raw } = await getClient().workflow.getHandle(workflowId, runId).describe();
    const pending = raw.pendingActivities ?? [];
    return pending.some((other) => other.activityId === activityId && other.attempt === attempt);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
