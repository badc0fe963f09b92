import { SyncDefinition } from '../../definitions/sync.ts';
import { DestinationDefinition } from '../../definitions/destination.ts';
import { IntegrationDefinition } from '../../definitions/integration.ts';
import type { AppliedDefinition, RowcastFile } from '../../client/index.ts';
import { definitionOf } from './syncs.ts';
import type { World } from './world.ts';

const WRITE_KEY = { secret: 'write-key' };

/** Applies everything, in the newest edition of each sync. @param isFirst syncs are enabled or not as they were drawn. */
export async function applyAll(
  world: World,
  signal: AbortSignal,
  isFirst = false,
): Promise<AppliedDefinition[]> {
  return world.rowcast.apply(fileOf(world, isFirst), { signal });
}

function fileOf({ plan, receiver, editions, ...world }: World, isFirst: boolean): RowcastFile {
  const { host, port } = world.postgres;
  const source = {
    ...{ kind: 'postgres', host, port, database: world.database, user: world.reader },
    ...{ password: { secret: 'source-password' }, tls: 'off' },
  };
  const destinations = [
    {
      ...{ name: 'http', kind: 'http', url: receiver.url, writeKey: WRITE_KEY },
      // Without it, the receiver drops what it does not like, as Customer.io does.
      headers: { 'X-Strict-Mode': '1' },
      batchBytesMax: plan.batchBytesMax,
    },
    { name: 'cio', kind: 'customerio', url: receiver.url, writeKey: WRITE_KEY },
  ];
  return {
    destinations: destinations.map((definition) => DestinationDefinition.parse(definition)),
    integrations: destinations.map(({ name }) =>
      IntegrationDefinition.parse({ name: `from-${name}`, source, destination: name }),
    ),
    syncs: plan.syncs.map((sync) => ({
      definition: SyncDefinition.parse(definitionOf(sync, editions.get(sync.name) ?? 0)),
      ...(isFirst ? { enabled: sync.enabled } : {}),
    })),
  };
}
