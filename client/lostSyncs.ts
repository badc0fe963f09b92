import type { ScheduleDescription } from '@temporalio/client';
import { describeTiming } from '../definitions/schedule.ts';
import { RowcastError } from '../errors.ts';
import { scheduleId, syncWorkflowId, WORKFLOWS } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { eachItem, missingWords } from './context.ts';
import { describeSchedule } from './schedules.ts';
import type { SyncListing } from './syncs.ts';

/*
 * A sync is lost where its workflow was terminated with other tools, so that only its Schedule is left. Its state is
 * in storage: its next run brings it back, and so does `rowcast apply`.
 */

/** The names of all syncs whose workflow is running. */
export async function runningSyncs(context: ClientContext, signal?: AbortSignal): Promise<string[]> {
  const pageOfNames = (request: { pageToken?: string; signal?: AbortSignal }) =>
    context.listNames(WORKFLOWS.sync, syncWorkflowId(''), request);
  return Array.fromAsync(eachItem(pageOfNames, signal));
}

/** The names of syncs of this installation of which Temporal lists only a Schedule. */
export async function namesOfSchedulesOnly(context: ClientContext, signal?: AbortSignal): Promise<string[]> {
  const prefix = scheduleId('');
  const scheduled = await context.ask(() => Array.fromAsync(context.client.schedule.list()), signal);
  const running = new Set(await runningSyncs(context, signal));
  const candidates = scheduled
    .filter((schedule) => schedule.scheduleId.startsWith(prefix))
    .map((schedule) => schedule.scheduleId.slice(prefix.length))
    .filter((name) => !running.has(name));
  const found = await Promise.all(candidates.map((name) => describeSchedule(context, name, signal)));
  return candidates.filter((_name, index) => found[index]?.action.taskQueue === context.taskQueue);
}

/** A lost sync as a list shows it: what its Schedule still says. */
export function lostListing(name: string, { spec, state, info }: ScheduleDescription): SyncListing {
  const words = describeTiming(spec);
  return {
    name,
    lost: true,
    title: null,
    integration: null,
    type: null,
    enabled: !state.paused,
    every: words.every ?? null,
    cron: words.cron ?? null,
    lastRunAt: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
    nextRunAt: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
    lastSyncTime: null,
    lastOutcome: null,
  };
}

export const lostWords = (name: string) =>
  `The sync ${name} is lost: its workflow was terminated, and only its Schedule is left. \`rowcast apply\` brings it back with its last_sync_time, and so does its next run.`;

/** What to say where a sync that was named is not there. */
export function missingSync(name: string, schedule: ScheduleDescription | null): RowcastError {
  return new RowcastError('not_found', schedule === null ? missingWords('sync', name) : lostWords(name));
}
