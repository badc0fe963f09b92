import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { ApplicationFailure, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { StorageActivities } from '../activities/types.ts';
import type { Swept } from '../storage/sweep.ts';
import { sweepId } from './contract.ts';
import { storageControlQueue } from './queueNames.ts';

const SCHEDULED_BY = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);

/**
 * Removes what is not to be kept any longer from a storage, and answers what it removed. It knows its storage from the
 * Schedule that started it, since other tools drop arguments.
 */
export async function sweep(): Promise<Swept> {
  const schedule = workflowInfo().typedSearchAttributes.get(SCHEDULED_BY) ?? '';
  if (!schedule.startsWith(sweepId(''))) {
    throw ApplicationFailure.nonRetryable(
      'A sweep is started by the Schedule of its storage; use `temporal schedule trigger`.',
      'not_found',
    );
  }
  const { sweepStorage } = proxyActivities<Pick<StorageActivities, 'sweepStorage'>>({
    taskQueue: storageControlQueue(schedule.slice(sweepId('').length)),
    scheduleToStartTimeout: '1 hour',
    scheduleToCloseTimeout: '5 hours',
    heartbeatTimeout: '1 minute',
    retry: { initialInterval: '10 seconds', maximumInterval: '10 minutes' },
    summary: 'remove old errors, calls and imports, and what lost runs left',
  });
  const swept = await sweepStorage();
  setCurrentDetails(sentenceOf(swept));
  return swept;
}

function sentenceOf({ errors, calls, lost, imports, objects }: Swept): string {
  if (objects === 0) return 'Nothing was to be removed.';
  return `Removed ${objects} files: the errors of ${errors} runs, the calls of ${calls}, all that ${lost} lost runs left, and ${imports} files of old imports.`;
}
