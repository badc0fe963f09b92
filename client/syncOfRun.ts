import type { WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { scheduleId } from '../workflows/contract.ts';

const SCHEDULED_BY = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);

/** The sync whose Schedule started a run; null where none did. */
export function syncOfRun({
  typedSearchAttributes,
}: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>): string | null {
  const schedule = typedSearchAttributes.get(SCHEDULED_BY);
  return schedule?.startsWith(scheduleId('')) === true ? schedule.slice(scheduleId('').length) : null;
}
