import { getClient } from '@temporalio/activity';
import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleDescription, ScheduleHandle, ScheduleOptions } from '@temporalio/client';
import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { scheduleTiming } from '../definitions/schedule.ts';
import { changedElsewhere, createdAgain, pastStart } from '../definitions/scheduleNotices.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import type { Due, ScheduleView } from '../workflows/alertMessages.ts';
import { runWorkflowIdPrefix, scheduleId, WORKFLOWS } from '../workflows/contract.ts';
import { RUN_ARGUMENTS_VERSION } from '../workflows/messages.ts';
import type { RunArguments } from '../workflows/messages.ts';
import type { ApplyScheduleInput } from './types.ts';

const RUN_ARGUMENTS: RunArguments = { version: RUN_ARGUMENTS_VERSION };

/** The Schedule of a sync, or null where there is none. */
export async function describeSchedule(sync: string): Promise<ScheduleDescription | null> {
  try {
    return await getClient().schedule.getHandle(scheduleId(sync)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

/** When a Schedule starts its next runs; null where it is paused or gone. */
export function dueOf(schedule: ScheduleDescription | null): Due | null {
  if (schedule === null || schedule.state.paused) return null;
  const [at, next] = schedule.info.nextActionTimes;
  return at === undefined ? null : { atMs: at.getTime(), nextMs: next?.getTime() ?? null };
}

/** What the Schedule of a sync says where a run is not done in time. */
export async function viewSchedule(sync: string): Promise<ScheduleView> {
  const schedule = await describeSchedule(sync);
  return {
    enabled: schedule === null ? null : !schedule.state.paused,
    isRunning: (schedule?.info.runningActions.length ?? 0) > 0,
    lastStartedForMs: schedule?.info.recentActions.at(-1)?.scheduledAt.getTime() ?? null,
    due: dueOf(schedule),
  };
}

/**
 * Makes the Schedule what the definition says; answers sentences about what the user may not expect.
 *
 * Where the Schedule was changed with other tools, the definition wins, and a sentence says what stood there.
 */
export async function applySchedule(input: ApplyScheduleInput, taskQueue: string): Promise<string[]> {
  const { definition, before, enabled } = input;
  const found = await describeSchedule(definition.name);
  const handle = getClient().schedule.getHandle(scheduleId(definition.name));
  if (found === null) return createSchedule(input, taskQueue);

  const notices = before === null ? [] : changedElsewhere(found.spec, before);
  const timing = scheduleTiming(definition, Date.parse(input.createdAt));
  await handle.update((current) => ({
    ...current,
    spec: timing.spec,
    action: actionOf(definition, taskQueue),
    policies: policiesOf(timing.catchupWindowMs),
    state: { ...current.state, ...pausedState(enabled, current.state) },
  }));
  // An attempt before this one may have created it, and not come to start the first run.
  if (startsAtOnce(input) && found.info.numActionsTaken === 0) await startNow(handle);
  return notices;
}

function pausedState(enabled: boolean | undefined, current: { paused: boolean; note?: string }) {
  if (enabled === undefined || enabled === !current.paused) return {};
  return { paused: !enabled, note: enabled ? 'Enabled by rowcast apply' : 'Disabled by rowcast apply' };
}

async function createSchedule(input: ApplyScheduleInput, taskQueue: string): Promise<string[]> {
  const { definition, before, createdAt, enabled = true } = input;
  const problem = before === null ? pastStart(definition, Date.now()) : null;
  if (problem !== null) throw new RowcastError('definition_invalid', problem);
  const timing = scheduleTiming(definition, Date.parse(createdAt));
  const options: ScheduleOptions = {
    scheduleId: scheduleId(definition.name),
    spec: timing.spec,
    action: actionOf(definition, taskQueue),
    policies: policiesOf(timing.catchupWindowMs),
    state: { paused: !enabled, ...(enabled ? {} : { note: 'Disabled by rowcast apply' }) },
  };
  const handle = await getClient().schedule.create(options);
  if (startsAtOnce(input)) await startNow(handle);
  return before === null ? [] : [createdAgain(definition.name, enabled)];
}

/** Without `startAt` the first run of a new sync starts at once. */
function startsAtOnce({ definition, before, enabled = true }: ApplyScheduleInput): boolean {
  return enabled && definition.startAt === undefined && before === null;
}

async function startNow(handle: ScheduleHandle): Promise<void> {
  await handle.trigger(ScheduleOverlapPolicy.SKIP);
}

/** Deletes the Schedule of a sync; answers whether there was one. */
export async function removeSchedule(sync: string): Promise<boolean> {
  try {
    await getClient().schedule.getHandle(scheduleId(sync)).delete();
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}

/** Restores what a run needs of its Schedule, and leaves what the user set there. */
export async function healSchedule(
  definition: SyncDefinition,
  createdAt: string,
  taskQueue: string,
): Promise<void> {
  const client = getClient();
  const id = { namespace: client.options.namespace, scheduleId: scheduleId(definition.name) };
  const { schedule, conflictToken } = await client.workflowService.describeSchedule(id);
  if (!schedule) return;
  const { catchupWindowMs } = scheduleTiming(definition, Date.parse(createdAt));
  const overlap = proto.temporal.api.enums.v1.ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP;
  await client.workflowService.updateSchedule({
    ...id,
    conflictToken,
    identity: client.options.identity,
    requestId: crypto.randomUUID(),
    schedule: {
      ...schedule,
      policies: { overlapPolicy: overlap, catchupWindow: msToTs(catchupWindowMs) },
      action: {
        startWorkflow: {
          workflowId: runWorkflowIdPrefix(definition.name),
          workflowType: { name: WORKFLOWS.syncRun },
          taskQueue: { name: taskQueue },
          input: { payloads: toPayloads(defaultPayloadConverter, RUN_ARGUMENTS) ?? [] },
          userMetadata: {
            summary: defaultPayloadConverter.toPayload(summaryOf(definition)),
            details: defaultPayloadConverter.toPayload(detailsOf(definition)),
          },
        },
      },
    },
  });
}

function actionOf(definition: SyncDefinition, taskQueue: string) {
  return {
    type: 'startWorkflow' as const,
    workflowType: WORKFLOWS.syncRun,
    workflowId: runWorkflowIdPrefix(definition.name),
    taskQueue,
    args: [RUN_ARGUMENTS],
    staticSummary: summaryOf(definition),
    staticDetails: detailsOf(definition),
  };
}

/** Shown with each run in the Temporal Web UI. */
function summaryOf({ type, integration }: SyncDefinition): string {
  return `${type} from ${integration}`;
}

function detailsOf({ name, title, description, every, cron }: SyncDefinition): string {
  const rhythm = every === undefined ? `by the cron ${cron ?? ''}` : `every ${every}`;
  return [`**${title ?? name}**`, description ?? '', `A run of the sync ${name}, which runs ${rhythm}.`]
    .filter((words) => words !== '')
    .join('\n\n');
}

function policiesOf(catchupWindow: number) {
  return { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow };
}
