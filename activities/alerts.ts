import { Context, getClient } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import { RowcastError } from '../errors.ts';
import { alertWorkflowId, MESSAGES, WORKFLOWS, webhookWorkflowId } from '../workflows/contract.ts';
import type { DefinitionDescription } from '../workflows/contract.ts';
import type { Alert, AlertInput } from '../workflows/alertMessages.ts';
import type { ActivityDeps } from './deps.ts';
import { queryWorkflow } from './workflowCalls.ts';
import { runningNames } from './users.ts';

/**
 * Starts a workflow for each webhook that wants to be told an alert. Its id makes it one for each, however often this is
 * asked.
 */
export async function startAlerts(alerts: readonly Alert[], taskQueue: string): Promise<void> {
  const webhooks = await allWebhooks(taskQueue);
  for (const alert of alerts) {
    for (const { name } of webhooks.filter((webhook) => wants(webhook, alert))) {
      await startAlert({ webhook: name, alert }, taskQueue);
    }
  }
}

async function allWebhooks(taskQueue: string): Promise<WebhookDefinition[]> {
  const names = await runningNames('webhook', webhookWorkflowId(''), taskQueue);
  const found = await Promise.all(names.map((name) => definitionOf(name).catch(unlessGone)));
  return found.filter((definition) => definition !== null);
}

async function definitionOf(name: string): Promise<WebhookDefinition> {
  const workflowId = webhookWorkflowId(name);
  return (await queryWorkflow<DefinitionDescription<WebhookDefinition>>(workflowId, MESSAGES.describe))
    .definition;
}

/** One that was deleted since it was listed. */
function unlessGone(error: unknown): null {
  if (error instanceof RowcastError && error.code === 'not_found') return null;
  throw error;
}

/** Whether a webhook is to be told: of a recovery where it was told of the trouble. */
export function wants(
  { events, integrations, syncs }: Pick<WebhookDefinition, 'events' | 'integrations' | 'syncs'>,
  { event, sync, integration, recoveredFrom }: Alert,
): boolean {
  const isOfAll = integrations === undefined && syncs === undefined;
  const isOf = integrations?.includes(integration ?? '') === true || syncs?.includes(sync ?? '') === true;
  if (!isOfAll && !isOf) return false;
  if (events === undefined) return true;
  if (event === 'test' || !events.includes(event)) return false;
  return (
    event !== 'recovered' || isRecoveryAlone(events) || recoveredFrom.some((one) => events.includes(one))
  );
}

/** Who asks for recoveries and nothing else gets all of them. */
function isRecoveryAlone(events: NonNullable<WebhookDefinition['events']>): boolean {
  return events.every((event) => event === 'recovered');
}

async function startAlert(input: AlertInput, taskQueue: string): Promise<void> {
  const { webhook, alert } = input;
  try {
    await getClient().workflow.start(WORKFLOWS.alert, {
      workflowId: alertWorkflowId(webhook, alert.id),
      taskQueue,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${webhook} is told: ${alert.sync ?? ''} ${alert.event}`,
      staticDetails: alert.text,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Tells a webhook, as its definition is now: one that was corrected meanwhile is told at the next try. */
export async function tellWebhook({ webhook, alert }: AlertInput, deps: ActivityDeps): Promise<void> {
  await (
    await deps.openWebhook(await definitionOf(webhook))
  ).tell(alert, Context.current().cancellationSignal);
}
