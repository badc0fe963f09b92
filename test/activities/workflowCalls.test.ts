import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { updateSync } from '../../activities/workflowCalls.ts';
import { connect } from '../../client/index.ts';
import type { Rowcast } from '../../client/index.ts';
import { MESSAGES, syncWorkflowId, WORKFLOWS } from '../../workflows/contract.ts';
import { ownServers } from '../ownServers.ts';

/*
 * A worker that finishes its workflow tasks and leaves updates aside, which is what the server makes of a worker and
 * itself being killed at once. It polls Temporal as workers do; Temporal's answers are its own.
 */

let name: string;
let taskQueue: string;
let workflowId: string;
let client: Client;
let rowcast: Rowcast;
let worker: Promise<void>;
let stop: AbortController;
beforeEach(async () => {
  const { address } = ownServers().temporal;
  name = `unheard-${randomUUID().slice(0, 8)}`;
  taskQueue = `rowcast-${name}`;
  workflowId = syncWorkflowId(name);
  client = new Client({ connection: await Connection.connect({ address }) });
  rowcast = await connect({ env: { TEMPORAL_ADDRESS: address, ROWCAST_TASK_QUEUE: taskQueue } });
  await client.workflow.start(WORKFLOWS.sync, { workflowId, taskQueue, args: [{ name }] });
  stop = new AbortController();
  worker = leaveUpdatesAside().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
});
afterEach(async () => {
  stop.abort();
  await client.workflow.getHandle(workflowId).terminate();
  await rowcast.close();
  await worker;
  await client.connection.close();
});

test('a question of a run that its sync never saw is asked again, and does not fail the run', async () => {
  const asked = new MockActivityEnvironment({}, { client }).run(() =>
    updateSync({ sync: name, taskQueue }, MESSAGES.beginRun, {}),
  );
  await expect(asked).rejects.toMatchObject({
    code: 'temporal_unreachable',
    retryable: true,
    message: expect.stringContaining('it is asked again') as string,
  });
});

test('a user whose request no worker took up reads that nothing was changed', async () => {
  await expect(rowcast.syncs.reset(name, { to: 0 })).rejects.toMatchObject({
    code: 'no_worker',
    message: expect.stringContaining(`the task queue ${taskQueue} took the request up`) as string,
  });
});

async function leaveUpdatesAside(): Promise<void> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const poll = { namespace, taskQueue: { name: taskQueue }, identity: 'a worker that leaves updates aside' };
  const task = () =>
    client.withDeadline(Date.now() + 60_000, () => workflowService.pollWorkflowTaskQueue(poll));
  while (!stop.signal.aborted) {
    const { taskToken } = await client.withAbortSignal(stop.signal, task);
    if (taskToken.length > 0) await workflowService.respondWorkflowTaskCompleted({ namespace, taskToken });
  }
}
