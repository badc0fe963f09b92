import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { RowcastError } from '../errors.ts';
import { retryWorkflowId, runName, WORKFLOWS } from '../workflows/contract.ts';
import type { ImportRecord, RetryArguments } from '../workflows/contract.ts';
import { whyNotRetried } from '../workflows/retry.ts';
import type { ClientContext } from './context.ts';
import type { ErrorGroup } from './errorGroups.ts';
import type { StartedRun } from './startRun.ts';

export interface RetryOptions {
  /** Only rows with this fault, such as `refused_by_destination`; absent: all that failed. */
  readonly code?: string;
  readonly signal?: AbortSignal;
}

interface Retry {
  readonly code: string | null;
  /** What is wrong with the rows that failed, where this client can see the sync's storage. */
  readonly groups: () => Promise<readonly ErrorGroup[]>;
  readonly signal?: AbortSignal;
}

/** Starts a run that sends the failed rows of another one again. */
export async function retryImport(
  context: ClientContext,
  record: ImportRecord,
  { code, groups, signal }: Retry,
): Promise<StartedRun> {
  const { run: of, sync } = record;
  const reason = whyNotRetried(record);
  if (reason !== null) throw new RowcastError('nothing_to_retry', reason);
  mustHave(code, await groups().catch(unlessElsewhere));
  const workflowId = retryWorkflowId(sync, new Date().toISOString());
  const args: [RetryArguments] = [{ version: 1, sync, of, code }];
  const only = code === null ? '' : `, only ${code}`;
  try {
    const handle = await context.askWorker(
      () =>
        context.client.workflow.start<(input: RetryArguments) => Promise<ImportRecord | null>>(
          WORKFLOWS.retryRun,
          { workflowId, taskQueue: context.taskQueue, args, staticSummary: `retry of ${of}${only}` },
        ),
      signal,
    );
    return { started: true, run: runName(workflowId, handle.firstExecutionRunId) };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new RowcastError(
      'run_overlaps',
      `A retry of the sync ${sync} was started in this very second, as ${workflowId}; start another once it has ended.`,
      { cause: error },
    );
  }
}

/** Said here where it can be, before anything is started; the run itself looks too. */
function mustHave(code: string | null, groups: readonly ErrorGroup[] | null): void {
  if (code === null || groups === null || groups.length === 0 || groups.some((group) => group.code === code))
    return;
  const found = [...new Set(groups.map((group) => group.code))].join(', ');
  throw new RowcastError(
    'nothing_to_retry',
    `No failed row of the run has the code ${JSON.stringify(code)}; give one of those that there are: ${found}.`,
  );
}

/** A client that cannot see the storage leaves the question to the run. */
function unlessElsewhere(error: unknown): null {
  if (error instanceof RowcastError && error.code === 'storage_mismatch') return null;
  throw error;
}
