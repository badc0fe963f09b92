import { destinationProfile } from '../delivery/destination.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { MappingOptions, MappingWindow } from '../mapping/mapper.ts';

export interface MappingInput {
  readonly sync: SyncDefinition;
  readonly integration: IntegrationDefinition;
  readonly destination: DestinationDefinition;
  readonly window: MappingWindow;
}

/** What the mapping of one run is told, from its definitions. */
export function mappingOptions({ sync, integration, destination, window }: MappingInput): MappingOptions {
  return {
    sync: sync.name,
    type: sync.type,
    nulls: sync.nulls,
    messageIdFrom: sync.messageIdFrom ?? null,
    timeZone: integration.timezone,
    duties: destinationProfile(destination).duties,
    limits: sync.limits,
    window,
  };
}
