import { sourceServer } from '../connectors/config.ts';
import type { SecretOwner } from '../secrets/sealed.ts';
import { endpointOf } from './destination.ts';
import type { DestinationDefinition } from './destination.ts';
import type { IntegrationDefinition } from './integration.ts';
import type { WebhookDefinition } from './webhook.ts';

/** What the secrets of an integration's source are sealed for. What a host's name leads to, the SSH server decides. */
export function ownerOfSource({ name, source, tunnel }: IntegrationDefinition): SecretOwner {
  const through = tunnel === undefined ? '' : ` through ${tunnel.host}:${tunnel.port}`;
  return { kind: 'integration', name, place: `${sourceServer(source)}${through}` };
}

/** What the secrets of a destination are sealed for. */
export function ownerOfDestination(definition: DestinationDefinition): SecretOwner {
  return { kind: 'destination', name: definition.name, place: endpointOf(definition) };
}

/** What the secrets of a webhook are sealed for: its URL is one itself, and what it signs with is shown to nobody. */
export function ownerOfWebhook({ name }: Pick<WebhookDefinition, 'name'>): SecretOwner {
  return { kind: 'webhook', name, place: null };
}
