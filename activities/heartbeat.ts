import { Context } from '@temporalio/activity';

/** Milliseconds since the activity was first scheduled: by the server's clock, then by this process's own stopwatch. */
export function sinceScheduled(): () => number {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const startMs = performance.now();
  return () => currentAttemptScheduledTimestampMs - scheduledTimestampMs + performance.now() - startMs;
}

/**
 * Heartbeats what `details` answers, every `everyMs` milliseconds and whenever `now` is called, until it is
 * disposed of: so a lost worker is noticed, and progress is live.
 */
export function heartbeating(details: () => unknown, everyMs: number): Disposable & { now(): void } {
  const context = Context.current();
  const now = () => context.heartbeat(details());
  now();
  const timer = setInterval(now, everyMs);
  return { now, [Symbol.dispose]: () => clearInterval(timer) };
}
