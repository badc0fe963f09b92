import { getClient } from '@temporalio/activity';
import {
  QueryRejectCondition,
  QueryRejectedError,
  WorkflowClient,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WithStartWorkflowOperation,
} from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { isFailureCode, RowcastError } from '../errors.ts';
import { ENDED_MEANWHILE, NOT_TAKEN_UP, syncWorkflowId, WORKFLOWS } from '../workflows/contract.ts';

/** The sync that an update goes to, and the task queue on which its workflow is started where it is not running. */
export interface SyncAddress {
  readonly sync: string;
  readonly taskQueue: string;
}

/**
 * Sends an update to a sync and waits for its answer. Where the sync's workflow was terminated or lost, it is started
 * again, and takes over the copy of its state that is in storage.
 *
 * @throws RowcastError the workflow's own refusal, such as not_found where there is no copy either;
 *   temporal_unreachable where the update was lost before anybody took it up; no_worker where the sync could not do
 *   what it has to for it.
 */
export async function updateSync<Answer>(
  { sync, taskQueue }: SyncAddress,
  update: string,
  request: unknown,
): Promise<Answer> {
  const workflowId = syncWorkflowId(sync);
  const { workflow } = getClient();
  try {
    const args: [unknown] = [request];
    return await workflow.getHandle(workflowId).executeUpdate<Answer, [unknown]>(update, { args });
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError) && !hasEndedMeanwhile(error)) throw refusalIn(error);
  }
  const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.sync, {
    workflowId,
    taskQueue,
    args: [{ name: sync }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `sync ${sync}, brought back by a run`,
  });
  try {
    type Handler = (input: unknown) => Promise<unknown>;
    const options = { startWorkflowOperation, args: [request] as [unknown] };
    return await workflow.executeUpdateWithStart<Handler, Answer, [unknown]>(update, options);
  } catch (error) {
    throw refusalIn(error);
  }
}

/** Whether the workflow ended, as by being terminated, after it took up the update and before it answered. */
function hasEndedMeanwhile(error: unknown): boolean {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === ENDED_MEANWHILE;
}

/** A workflow's own refusal of an update, as a `RowcastError` where it has one of its codes. */
function refusalIn(error: unknown): unknown {
  const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (refusal instanceof ActivityFailure && refusal.cause instanceof TimeoutFailure) {
    return new RowcastError(
      'no_worker',
      'What the sync has to do to answer was not done in time, as when a worker is killed; it is asked again.',
      { cause: refusal },
    );
  }
  if (!(refusal instanceof ApplicationFailure) || hasEndedMeanwhile(error)) return error;
  if (refusal.type === NOT_TAKEN_UP) {
    return new RowcastError(
      'temporal_unreachable',
      'Temporal lost a question to the sync before a worker took it up, as when its server is killed; it is asked again.',
      { cause: refusal },
    );
  }
  return isFailureCode(refusal.type)
    ? new RowcastError(refusal.type, refusal.message, { cause: refusal })
    : refusal;
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
