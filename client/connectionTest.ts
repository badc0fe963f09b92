import { randomUUID } from 'node:crypto';
import { WORKFLOWS } from '../workflows/contract.ts';
import type { ConnectionTest, ConnectionTestRequest } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';

/** Has a worker try a source or a destination out. @throws RowcastError */
export async function testConnection(
  context: ClientContext,
  request: ConnectionTestRequest,
  signal?: AbortSignal,
): Promise<ConnectionTest> {
  const { kind, definition } = request;
  type Workflow = (input: ConnectionTestRequest) => Promise<ConnectionTest>;
  return context.askWorker(
    () =>
      context.client.workflow.execute<Workflow>(WORKFLOWS.connectionTest, {
        workflowId: `rowcast-test-${kind}-${definition.name}-${randomUUID()}`,
        taskQueue: context.taskQueue,
        args: [request],
        workflowExecutionTimeout: '2 minutes',
        staticSummary: `test of the ${kind} ${definition.name}`,
      }),
    signal,
  );
}
