import type { ScheduleDescription } from '@temporalio/client';
import { RowcastError } from '../errors.ts';
import { scheduleId } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';

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

/** Null for what does not exist. */
export function unlessGone(error: unknown): null {
  if (error instanceof RowcastError && error.code === 'not_found') return null;
  throw error;
}
