import { connect } from '../client/index.ts';
import type { Rowcast } from '../client/index.ts';

/** Connects, does something, and hangs up; Ctrl-C aborts what is being waited for. */
export async function withRowcast<Result>(
  task: (rowcast: Rowcast, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupted = new AbortController();
  const onInterrupt = () => interrupted.abort(new Interrupted());
  process.once('SIGINT', onInterrupt);
  const rowcast = await connect();
  try {
    return await task(rowcast, interrupted.signal);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    await rowcast.close();
  }
}

/** The user pressed Ctrl-C, or did not want it after all. What was asked of Temporal by then goes on there. */
export class Interrupted extends Error {
  constructor(message = 'Interrupted. What was started in Temporal goes on.') {
    super(message);
  }
}
