import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds. @throws the reason of the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
