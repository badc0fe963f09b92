import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { ConnectionTest, ConnectionTestRequest } from './contract.ts';

const { testConnection } = proxyActivities<Pick<ControlActivities, 'testConnection'>>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 2 },
  summary: 'test the connection',
});

/** Tries a source or a destination out, as the workers see it. No row is read and no call is sent. */
export async function connectionTest(request: ConnectionTestRequest): Promise<ConnectionTest> {
  return testConnection(request);
}
