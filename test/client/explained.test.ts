import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ActivityFailure, RetryState, TimeoutFailure, TimeoutType } from '@temporalio/common';
import { expect, test } from 'vitest';
import { explained } from '../../client/explained.ts';

/* Failures that take a killed worker and half a minute to come by: made by hand, of Temporal's own classes. */

test('a user whose request needs something that no worker did in time is told to look, and to try again', () => {
  const timeOut = new TimeoutFailure('activity timed out', undefined, TimeoutType.SCHEDULE_TO_CLOSE);
  const failure = new ActivityFailure('it failed', 'saveCopy', '7', RetryState.TIMEOUT, 'a worker', timeOut);
  const error = new WorkflowUpdateFailedError('Workflow Update failed', failure);
  expect(explained(error, { address: 'temporal:7233', taskQueue: 'rowcast' })).toMatchObject({
    code: 'no_worker',
    retryable: true,
    message: expect.stringContaining('not done in time by the workers on the task queue rowcast') as string,
  });
});
