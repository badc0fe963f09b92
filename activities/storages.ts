import { hostname } from 'node:os';
import { getClient } from '@temporalio/activity';
import proto from '@temporalio/proto';
import { storageControlQueue } from '../workflows/queueNames.ts';

/* Which storages the workers of a task queue have: Temporal knows its pollers by what they call themselves. */

/** A poller that has not been seen for longer is taken for gone; pollers come back every minute. */
const SEEN_WITHIN_MS = 75_000;

const STORAGE = /\/rowcast-storage-([^/]+)$/;

/** What a worker calls itself: its process, its machine and its storage. */
export const workerIdentity = (storageId: string) =>
  `${process.pid}@${hostname()}/${storageControlQueue(storageId)}`;

/** The ids of the other storages for which workers of a task queue were there a moment ago. @param own this worker's. */
export async function otherStorages(taskQueue: string, own: string): Promise<string[]> {
  const { workflowService, options } = getClient();
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  });
  const found = pollers
    .filter(
      ({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 < SEEN_WITHIN_MS,
    )
    .map(({ identity }) => STORAGE.exec(identity ?? '')?.[1])
    .filter((id) => id !== undefined && id !== own);
  return [...new Set(found as string[])].sort();
}
