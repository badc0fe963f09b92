import type { IntegrationDefinition } from '../definitions/integration.ts';
import { RowcastError } from '../errors.ts';
import { integrationWorkflowId, MESSAGES, WORKFLOWS } from '../workflows/contract.ts';
import type { ApplyAnswer, ApplyRequest, CheckAnswer, CheckRequest } from '../workflows/contract.ts';
import { withHostKey } from '../workflows/knownHostKey.ts';
import type { ClientContext, UpdateTarget } from './context.ts';
import type { AcceptHostKey, SaveOptions } from './saveOptions.ts';

/* How an integration is saved: tried out first, by the workers. */

/** @param update one of MESSAGES. */
export function integrationTarget(
  name: string,
  update: string,
  summary = `integration ${name}`,
): UpdateTarget {
  const workflowId = integrationWorkflowId(name);
  return { workflowType: WORKFLOWS.integration, workflowId, name, summary, update };
}

/**
 * Whether what is to be saved works, and how it is to be saved.
 *
 * @throws RowcastError no_worker …; what is wrong with it is the answer.
 */
export async function checkIntegration(
  context: ClientContext,
  definition: IntegrationDefinition,
  { acceptHostKey, signal }: SaveOptions,
): Promise<CheckAnswer> {
  const target = integrationTarget(definition.name, MESSAGES.check);
  const check = (one: IntegrationDefinition) =>
    context.updateWithStart<CheckAnswer>(target, { definition: one } satisfies CheckRequest, signal);
  const answer = await check(definition);
  const accepted = await acceptedServer(definition, answer.refusal?.unknownHostKey, acceptHostKey);
  return accepted === null ? answer : check(accepted);
}

/** The definition with a host key that is accepted now; null where it is not. */
async function acceptedServer(
  definition: IntegrationDefinition,
  fingerprint: string | undefined,
  acceptHostKey: AcceptHostKey | undefined,
): Promise<IntegrationDefinition | null> {
  const { name: integration, tunnel } = definition;
  if (fingerprint === undefined || tunnel === undefined || acceptHostKey === undefined) return null;
  const { host, port } = tunnel;
  const isAccepted = await acceptHostKey({ integration, host, port, fingerprint });
  return isAccepted ? withHostKey(definition, fingerprint) : null;
}

/** Saves what was checked, or is not to be; the pending key of a tunnel is tried out once more by the workflow itself. */
export function sendIntegration(
  context: ClientContext,
  definition: IntegrationDefinition,
  { ifRevision, test = true, signal }: SaveOptions,
): Promise<ApplyAnswer> {
  const { name, source, destination } = definition;
  const request: ApplyRequest<IntegrationDefinition> = {
    definition,
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(test ? {} : { isUntested: true }),
  };
  const summary = `integration ${name}: ${source.kind} to ${destination}`;
  return context.updateWithStart<ApplyAnswer>(
    integrationTarget(name, MESSAGES.apply, summary),
    request,
    signal,
  );
}

/** @throws RowcastError connection_test_failed, tunnel_key_missing … where it does not work; nothing changes then. */
export async function saveIntegration(
  context: ClientContext,
  definition: IntegrationDefinition,
  options: SaveOptions,
): Promise<ApplyAnswer> {
  if (options.test === false) return sendIntegration(context, definition, options);
  const { refusal, definition: checked } = await checkIntegration(context, definition, options);
  if (refusal !== null) throw new RowcastError(refusal.code, refusal.message);
  return sendIntegration(context, checked, options);
}
