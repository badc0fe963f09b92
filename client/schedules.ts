import type { ScheduleDescription } from '@temporalio/client';
import { scheduleId } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { unlessGone } from './unlessGone.ts';

/** The Schedule of a sync, or null where there is none. */
export async function describeSchedule(
  context: ClientContext,
  sync: string,
  signal?: AbortSignal,
): Promise<ScheduleDescription | null> {
  try {
    return await context.ask(() => context.client.schedule.getHandle(scheduleId(sync)).describe(), signal);
  } catch (error) {
    return unlessGone(error);
  }
}
