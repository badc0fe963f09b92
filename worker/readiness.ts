import type { NativeConnection, Worker } from '@temporalio/worker';
import { messageOf } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { Checks } from './probes.ts';

/** So long Temporal has to answer one who asks whether the worker is ready. */
const READY_TIMEOUT_MS = 2_000;

/** What a worker needs in order to work: itself, Temporal, and its storage. @param workers filled once they are there */
export function checksOf(workers: readonly Worker[], connection: NativeConnection, storage: Storage): Checks {
  const failing = (what: string) => (error: unknown) => [`${what}: ${messageOf(error)}`];
  const temporal = () =>
    connection
      .withDeadline(Date.now() + READY_TIMEOUT_MS, () => connection.workflowService.getSystemInfo({}))
      .then(() => [], failing('Temporal does not answer'));
  // That an object is missing is answered only where the storage itself is there.
  const files = () => storage.get('none').then(() => [], failing('The storage does not answer'));
  return {
    alive: () => (workers.some((worker) => worker.getState() === 'FAILED') ? ['The worker has failed.'] : []),
    async ready() {
      const isIdle = workers.length === 0 || workers.some((worker) => worker.getState() !== 'RUNNING');
      const answers = await Promise.all([temporal(), files()]);
      return [...(isIdle ? ['The worker has not started yet, or is about to stop.'] : []), ...answers.flat()];
    },
  };
}
