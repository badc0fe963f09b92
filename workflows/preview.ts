import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { PreviewRequest, SealedPreview } from './contract.ts';

const { preview: readPreview } = proxyActivities<Pick<ControlActivities, 'preview'>>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 2 },
  summary: 'read the first rows',
});

/** Reads the first rows of a query beside the calls they would become, sealed to whoever asked. */
export async function preview(request: PreviewRequest): Promise<SealedPreview> {
  return readPreview(request);
}
