import { describeTiming, scheduleTiming } from './schedule.ts';
import type { SyncDefinition } from './sync.ts';

/** Sentences about what a Schedule says now, and the definition before did not: other tools changed it. */
export function changedElsewhere(
  spec: Parameters<typeof describeTiming>[0],
  before: SyncDefinition,
): string[] {
  const is = describeTiming(spec);
  const was = describeTiming(scheduleTiming(before, 0).spec);
  if (is.every === was.every && is.cron === was.cron && is.timezone === was.timezone) return [];
  const words = is.every ?? (is.cron === undefined ? 'another calendar' : `cron ${is.cron}`);
  return [`The Schedule of ${before.name} had been changed elsewhere, to ${words}; the definition wins.`];
}

/** What is wrong with the start of a new sync, or null. @param nowMs milliseconds since 1970. */
export function pastStart({ name, startAt }: SyncDefinition, nowMs: number): string | null {
  if (startAt === undefined || Date.parse(startAt) >= nowMs) return null;
  return `startAt of the sync ${name} is ${startAt}, which is past; give a later moment, or leave it out to start at once.`;
}

/** Said where a Schedule is not there and its sync is applied: only it knew whether the sync was enabled. */
export function createdAgain(name: string, enabled: boolean): string {
  return `The Schedule of ${name} was gone, deleted elsewhere or lost; it is created again, ${enabled ? 'enabled' : 'disabled'}.`;
}
