import type { Source } from '../connectors/source.ts';
import type { SealedTunnelKey } from '../tunnel/sealedKey.ts';
import type { TunnelUse } from '../tunnel/shared.ts';
import type { Sender } from '../delivery/sender.ts';
import type { Webhook } from '../delivery/webhook.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import type { Digester } from '../storage/digester.ts';
import type { Memory } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';
import type { Metrics } from './metrics.ts';
import type { WorkerSettings } from './settings.ts';
import type { ControlActivities } from './types.ts';

/** What the activities need from the outside world; `worker.ts` passes the real ones. */
export interface ActivityDeps {
  readonly taskQueue: string;
  readonly storage: Storage;
  /** For chunks, shared by all runs. */
  readonly memory: Memory;
  /** For the digests in chunks, shared by all runs. */
  readonly digester: Digester;
  readonly settings: WorkerSettings;
  readonly metrics: Metrics;
  /** Opens the source of an integration, with the worker's secrets. @param key of its tunnel; null where it has none. */
  readonly openSource: (
    integration: IntegrationDefinition,
    key: SealedTunnelKey | null,
    signal: AbortSignal,
  ) => Promise<Source>;
  /** The tunnel of an integration that has one; while it is used, `openSource` with the same key goes through it. */
  readonly useTunnel: (
    integration: IntegrationDefinition,
    key: SealedTunnelKey,
    signal: AbortSignal,
  ) => Promise<TunnelUse>;
  /** Makes a key for the tunnel of an integration. */
  readonly makeTunnelKey: (integration: string) => Promise<SealedTunnelKey>;
  /** Which of Rowcast's search attributes the namespace has now. */
  readonly searchAttributes: ControlActivities['searchAttributes'];
  /** Takes the worker's secrets out of a text. */
  readonly redact: (text: string) => string;
  /** A sender to a destination, with the worker's write key; senders of one destination share its rate. */
  readonly openSender: (destination: DestinationDefinition) => Promise<Sender>;
  /** A webhook, with its secrets. */
  readonly openWebhook: (webhook: WebhookDefinition) => Promise<Webhook>;
}
