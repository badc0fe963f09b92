import { parseRunName, runName, WORKFLOWS } from '../workflows/contract.ts';
import type { ImportRecord, Trigger } from '../workflows/contract.ts';
import { startedRecord } from '../workflows/syncState.ts';
import type { ClientContext } from './context.ts';
import { importOf } from './importRecords.ts';
import { describeSchedule } from './schedules.ts';
import { syncOfRun } from './syncOfRun.ts';
import { unlessGone } from './unlessGone.ts';

/*
 * Between its start and the lease a run is known to Temporal alone: while it waits until nothing of a lost run can
 * still be sent, for one.
 */

/** What Temporal itself knows of a run. */
interface DescribedRun {
  readonly run: string;
  /** The one whose Schedule started it, or whose rows it sends again. */
  readonly sync: string;
  readonly trigger: Trigger;
  readonly isRunning: boolean;
  readonly startedAt: string;
}

/** Null where Temporal does not know the run, or no sync started it. */
export async function describeRun(
  context: ClientContext,
  run: string,
  signal?: AbortSignal,
): Promise<DescribedRun | null> {
  const { workflowId = run, firstExecutionRunId } = parseRunName(run) ?? {};
  const handle = context.client.workflow.getHandle(workflowId);
  const found = await context.ask(() => handle.describe(), signal).catch(unlessGone);
  const sync = found && syncOfRun(found);
  if (!found || !sync) return null;
  const first = found.raw.workflowExecutionInfo?.firstRunId ?? found.runId;
  return {
    run: runName(workflowId, first),
    sync,
    trigger: found.type === WORKFLOWS.retryRun ? 'retry' : 'manual',
    isRunning: found.status.name === 'RUNNING' && (firstExecutionRunId ?? first) === first,
    startedAt: found.startTime.toISOString(),
  };
}

/** The import of a run under way that its sync has not heard of yet; null where it is not under way. */
export async function unbegunRun(
  context: ClientContext,
  run: string,
  signal?: AbortSignal,
): Promise<ImportRecord | null> {
  const described = await describeRun(context, run, signal);
  if (described === null || !described.isRunning) return null;
  const { run: name, sync, trigger, startedAt } = described;
  return startedRecord(sync, { run: name, trigger, startedAt });
}

/** A run that the Schedule of a sync has started, and the sync has not heard of yet. */
export async function unbegunRunOf(
  context: ClientContext,
  sync: string,
  signal?: AbortSignal,
): Promise<ImportRecord | null> {
  const action = (await describeSchedule(context, sync, signal))?.info.runningActions.at(-1);
  if (action === undefined) return null;
  const { workflowId, firstExecutionRunId } = action.workflow;
  const record = await unbegunRun(context, runName(workflowId, firstExecutionRunId), signal);
  // It may have ended by now, and Temporal not have noticed yet.
  const known = record === null ? null : await importOf(context, record, signal);
  return known === null || known.outcome === 'running' ? (known ?? record) : null;
}
