import {
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { AlertActivities } from '../activities/types.ts';
import type { AlertInput } from './alertMessages.ts';
import { alertQueue } from './queueNames.ts';
import { noteSearchAttributes } from './searchAttributes.ts';

/** For how long a webhook that does not answer is tried again. */
const TRIED_FOR = '24 hours';

/**
 * Tells one webhook one alert, until it takes it, refuses it, or a day is over. Nothing waits for this: a webhook that
 * is dead holds up no sync and no other webhook.
 *
 * @throws ApplicationFailure of the reason for which it was not told, so that Temporal shows it.
 */
export async function alert(input: AlertInput): Promise<void> {
  const { tellWebhook } = proxyActivities<AlertActivities>({
    taskQueue: alertQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: TRIED_FOR,
    retry: { initialInterval: '5 seconds', maximumInterval: '10 minutes' },
    summary: `tell ${input.webhook}`,
  });
  const { sync, integration } = input.alert;
  await noteSearchAttributes({ RowcastSync: sync, RowcastIntegration: integration });
  try {
    await tellWebhook(input);
  } catch (error) {
    throw whyNot(error, input.webhook);
  }
}

function whyNot(error: unknown, webhook: string): unknown {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof ApplicationFailure) {
    const gaveUp =
      error instanceof ActivityFailure && error.retryState === 'TIMEOUT'
        ? `The webhook ${webhook} was tried for ${TRIED_FOR}, and no longer. The last try ended with: `
        : '';
    return ApplicationFailure.nonRetryable(`${gaveUp}${cause.message}`, cause.type);
  }
  if (!(cause instanceof TimeoutFailure)) return error;
  const last = cause.cause?.message ?? 'no worker took it up.';
  return ApplicationFailure.nonRetryable(
    `The webhook ${webhook} was tried for ${TRIED_FOR}, and no longer. The last try ended with: ${last}`,
    'webhook_unavailable',
  );
}
