import { Context } from '@temporalio/activity';
import type { WorkerSettings } from './settings.ts';

/** How often an activity heartbeats, in milliseconds: for its progress, and never so rarely that it seems dead. */
export function heartbeatEveryMs({ progressMs, heartbeatMs }: WorkerSettings): number {
  return Math.min(progressMs, heartbeatMs / 3);
}

/** Milliseconds since the activity was first scheduled: by the server's clock, then by this process's own stopwatch. */
export function sinceScheduled(): () => number {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const startMs = performance.now();
  return () => currentAttemptScheduledTimestampMs - scheduledTimestampMs + performance.now() - startMs;
}

/**
 * Heartbeats what `details` answers, at the worker's pace and whenever `now` is called, until it is disposed of.
 */
export function heartbeating(details: () => unknown, settings: WorkerSettings): Disposable & { now(): void } {
  const context = Context.current();
  const now = () => context.heartbeat(details());
  now();
  const timer = setInterval(now, heartbeatEveryMs(settings));
  return { now, [Symbol.dispose]: () => clearInterval(timer) };
}
