import type { Source } from '../connectors/source.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import { RowcastError } from '../errors.ts';
import type { SealedTunnelKey, TunnelKeys } from '../tunnel/sealedKey.ts';
import { integrationWorkflowId, MESSAGES } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { queryWorkflow } from './workflowCalls.ts';

/**
 * Opens the source of an integration, through its tunnel where it has one, with the key that is the active one now:
 * a run that began before a rotation goes on after it.
 */
export async function openIntegration(
  integration: IntegrationDefinition,
  { openSource }: ActivityDeps,
  signal: AbortSignal,
): Promise<Source> {
  if (integration.tunnel === undefined) return openSource(integration, null, signal);
  const { active } = await tunnelKeys(integration.name);
  if (active === null) throw noKey(integration.name);
  return openSource(integration, active, signal);
}

/** The key to try a tunnel out with: the pending one, if there is one. @throws RowcastError tunnel_key_missing */
export async function keyToTest({ name }: IntegrationDefinition): Promise<SealedTunnelKey> {
  const { pending, active } = await tunnelKeys(name);
  const key = pending ?? active;
  if (key === null) throw noKey(name);
  return key;
}

async function tunnelKeys(name: string): Promise<TunnelKeys> {
  try {
    return await queryWorkflow<TunnelKeys>(integrationWorkflowId(name), MESSAGES.tunnelKeys);
  } catch (error) {
    if (error instanceof RowcastError && error.code === 'not_found') throw noKey(name);
    throw error;
  }
}

function noKey(name: string): RowcastError {
  return new RowcastError(
    'tunnel_key_missing',
    `The tunnel of the integration ${name} has no saved key; make one with \`rowcast integration key ${name}\`, put it on the SSH server, and save it with \`rowcast apply\` or \`rowcast integration save ${name}\`.`,
  );
}
