import { Context } from '@temporalio/activity';

/** Heartbeats are sent at least this often, so that a lost worker is noticed and progress is live. */
const HEARTBEAT_EVERY_MS = 1_000;

/** Milliseconds since the activity was first scheduled: by the server's clock, then by this process's own stopwatch. */
export function sinceScheduled(): () => number {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const startMs = performance.now();
  return () => currentAttemptScheduledTimestampMs - scheduledTimestampMs + performance.now() - startMs;
}

/**
 * Heartbeats what `details` answers, every second and whenever `now` is called, until it is disposed of.
 */
export function heartbeating(details: () => unknown): Disposable & { now(): void } {
  const context = Context.current();
  const now = () => context.heartbeat(details());
  now();
  const timer = setInterval(now, HEARTBEAT_EVERY_MS);
  return { now, [Symbol.dispose]: () => clearInterval(timer) };
}
