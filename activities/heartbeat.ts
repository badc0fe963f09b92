import { Context } from '@temporalio/activity';

/** Heartbeats are sent at least this often, so that a lost worker is noticed and progress is live. */
const HEARTBEAT_EVERY_MS = 1_000;

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
