import { setTimeout as sleep } from 'node:timers/promises';

/** Waits. @throws the signal's own reason where it is aborted meanwhile. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
