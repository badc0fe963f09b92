import type { IntegrationDefinition } from '../definitions/integration.ts';

/**
 * A definition with the host key by which the SSH server of its tunnel is known: its own, else the one that is saved
 * for the same server.
 *
 * @param saved null where there is none.
 */
export function withKnownHostKey(
  definition: IntegrationDefinition,
  saved: IntegrationDefinition | null,
): IntegrationDefinition {
  const [tunnel, known] = [definition.tunnel, saved?.tunnel];
  if (tunnel === undefined || tunnel.hostKey !== undefined || known?.hostKey === undefined) return definition;
  if (tunnel.host !== known.host || tunnel.port !== known.port) return definition;
  return withHostKey(definition, known.hostKey);
}

/** A definition whose tunnel, if it has one, goes to the server with this host key and to no other. */
export function withHostKey(definition: IntegrationDefinition, hostKey: string): IntegrationDefinition {
  const { tunnel } = definition;
  return tunnel === undefined ? definition : { ...definition, tunnel: { ...tunnel, hostKey } };
}
