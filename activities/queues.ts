import { storageControlQueue } from '../workflows/queueNames.ts';
import type { StorageQueues } from '../workflows/messages.ts';

/** The task queues of a storage. Whoever can reach it polls them. */
export function storageQueues(storageId: string): StorageQueues {
  const control = storageControlQueue(storageId);
  return { control, extract: `${control}-extract`, deliver: `${control}-deliver` };
}
