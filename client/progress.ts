import { parseRunName } from '../workflows/contract.ts';
import type { RunProgress } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { unlessGone } from './unlessGone.ts';

/** How far a run is. What is not known now is null. */
export interface Progress {
  readonly running: boolean;
  /** Rows read so far, while it is reading. */
  readonly rows: number | null;
  /** Calls delivered and rows failed by the activities that are delivering now. */
  readonly delivered: number | null;
  readonly failed: number | null;
  /** What its activities are waiting for after a failure, in the failure's own words, or what troubles them now. */
  readonly trouble: string | null;
}

/** A run that Temporal no longer keeps has ended. */
const ENDED: Progress = { running: false, rows: null, delivered: null, failed: null, trouble: null };

/** Reads the progress of a run from the heartbeats of its activities. @throws RowcastError */
export async function progressOf(
  context: ClientContext,
  run: string,
  signal?: AbortSignal,
): Promise<Progress> {
  const name = parseRunName(run);
  const handle = context.client.workflow.getHandle(name?.workflowId ?? run);
  const described = await context.ask(() => handle.describe(), signal).catch(unlessGone);
  if (described === null) return ENDED;
  const { raw, status } = described;
  const isThisRun = name === null || raw.workflowExecutionInfo?.firstRunId === name.firstExecutionRunId;
  const activities = raw.pendingActivities ?? [];
  const beats = activities.flatMap(({ heartbeatDetails }) => decoded(heartbeatDetails?.payloads?.[0]?.data));
  const extract = beats.find((beat) => beat.stage === 'extract');
  const deliver = beats.filter((beat) => beat.stage === 'deliver');
  const trouble = [
    ...activities.map(({ lastFailure }) => lastFailure?.message),
    ...deliver.map((beat) => beat.trouble),
  ].find((words) => Boolean(words));
  return {
    running: status.name === 'RUNNING' && isThisRun,
    rows: extract?.rows ?? null,
    delivered: deliver.length === 0 ? null : deliver.reduce((sum, { delivered }) => sum + delivered, 0),
    failed: deliver.length === 0 ? null : deliver.reduce((sum, { failed }) => sum + failed, 0),
    trouble: trouble ?? null,
  };
}

function decoded(data: Uint8Array | null | undefined): RunProgress[] {
  if (data === null || data === undefined) return [];
  const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
  return value !== null && typeof value === 'object' && 'stage' in value ? [value as RunProgress] : [];
}
