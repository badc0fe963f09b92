import { Client, Connection } from '@temporalio/client';
import {
  destinationWorkflowId,
  integrationWorkflowId,
  scheduleId,
  syncWorkflowId,
} from '../../workflows/contract.ts';
import type { DemoStack } from './stack.ts';

/** Takes the demo's definitions off a cluster that belongs to somebody. */
export async function removeSyncs(
  { temporalAddress }: DemoStack,
  syncs: readonly string[],
  tag: string,
): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' });
  const ids = [
    ...syncs.map(syncWorkflowId),
    integrationWorkflowId(`shop${tag}`),
    destinationWorkflowId(`cio${tag}`),
  ];
  for (const sync of syncs)
    await client.schedule
      .getHandle(scheduleId(sync))
      .delete()
      .catch(() => undefined);
  for (const id of ids)
    await client.workflow
      .getHandle(id)
      .terminate('the demo ended')
      .catch(() => undefined);
  await connection.close();
}
