import type { WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { scheduleId, syncInName, WORKFLOWS } from '../workflows/contract.ts';

const SCHEDULED_BY = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);

/** The sync whose Schedule started a run, or whose failed rows a client had sent again; null where it is neither. */
export function syncOfRun({
  type,
  workflowId,
  typedSearchAttributes,
}: Pick<WorkflowExecutionInfo, 'type' | 'workflowId' | 'typedSearchAttributes'>): string | null {
  if (type === WORKFLOWS.retryRun) return syncInName(workflowId);
  const schedule = typedSearchAttributes.get(SCHEDULED_BY);
  return schedule?.startsWith(scheduleId('')) === true ? schedule.slice(scheduleId('').length) : null;
}
