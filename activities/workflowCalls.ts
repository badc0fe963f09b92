import { getClient } from '@temporalio/activity';
import {
  QueryRejectCondition,
  QueryRejectedError,
  WorkflowClient,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isFailureCode, RowcastError } from '../errors.ts';

/** Sends an update and waits for its answer. @throws RowcastError the workflow's own refusal. */
export async function updateWorkflow<Answer>(
  workflowId: string,
  update: string,
  request: unknown,
): Promise<Answer> {
  try {
    return await getClient()
      .workflow.getHandle(workflowId)
      .executeUpdate<Answer, [unknown]>(update, { args: [request] });
  } catch (error) {
    const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(refusal instanceof ApplicationFailure)) throw missing(error, workflowId);
    throw isFailureCode(refusal.type)
      ? new RowcastError(refusal.type, refusal.message, { cause: refusal })
      : refusal;
  }
}

/** Queries a workflow. @throws RowcastError not_found where there is none, or it has ended. */
export async function queryWorkflow<Answer>(workflowId: string, query: string): Promise<Answer> {
  try {
    const { connection, options } = getClient();
    const openOnly = { queryRejectCondition: QueryRejectCondition.NOT_OPEN };
    const client = new WorkflowClient({ connection, namespace: options.namespace, ...openOnly });
    const answer = await client.getHandle(workflowId).query<Answer | null>(query);
    if (answer !== null) return answer;
  } catch (error) {
    throw missing(error, workflowId);
  }
  throw notRunning(workflowId);
}

function missing(error: unknown, workflowId: string): unknown {
  const isGone = error instanceof WorkflowNotFoundError || error instanceof QueryRejectedError;
  return isGone ? notRunning(workflowId, error) : error;
}

function notRunning(workflowId: string, cause?: unknown): RowcastError {
  return new RowcastError(
    'not_found',
    `The workflow ${workflowId} is not running, so its definition cannot be read. Apply the definition again with \`rowcast apply\`; its state comes back from storage.`,
    { cause },
  );
}
