import type { DestinationDefinition, DestinationInput } from '../definitions/destination.ts';
import type { RowcastFile } from '../definitions/file.ts';
import type { IntegrationDefinition, IntegrationInput } from '../definitions/integration.ts';
import type { WebhookDefinition, WebhookInput } from '../definitions/webhook.ts';
import type { PreviewResult } from '../workflows/contract.ts';
import { applyFile } from './apply.ts';
import type { AppliedDefinition, ApplyFileOptions } from './apply.ts';
import { ClientContext } from './context.ts';
import type { ConnectOptions } from './context.ts';
import { createDestinations, createIntegrations, createWebhooks } from './holders.ts';
import type { Definitions } from './holders.ts';
import { createImports } from './imports.ts';
import type { Imports } from './imports.ts';
import { preview } from './preview.ts';
import type { PreviewDefinitions, PreviewOptions } from './preview.ts';
import { createSyncs } from './syncs.ts';
import type { Syncs } from './syncs.ts';
import { withTunnelKeys } from './tunnelKeys.ts';
import type { Integrations } from './tunnelKeys.ts';

/** Rowcast, as an application uses it. Every call throws `RowcastError`, whose `code` is stable. */
export interface Rowcast extends AsyncDisposable {
  readonly destinations: Definitions<DestinationInput, DestinationDefinition>;
  readonly integrations: Integrations;
  readonly syncs: Syncs;
  readonly imports: Imports;
  /** Who is told when the state of a sync changes. */
  readonly webhooks: Definitions<WebhookInput, WebhookDefinition>;
  /** Creates and changes what a file names, once all of it that changes how a source is reached was tried out. */
  apply(file: RowcastFile, options?: ApplyFileOptions): Promise<AppliedDefinition[]>;
  /** The first rows of a saved sync, or of definitions that are not saved, beside the calls they would become. */
  preview(what: string | PreviewDefinitions, options?: PreviewOptions): Promise<PreviewResult>;
  close(): Promise<void>;
}

/**
 * Connects to Temporal as the Temporal CLI does: by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS and API key
 * settings, or a profile.
 *
 * @throws RowcastError temporal_unreachable
 */
export async function connect(options: ConnectOptions = {}): Promise<Rowcast> {
  const context = await ClientContext.open(options);
  const destinations = createDestinations(context);
  const integrations = withTunnelKeys(context, createIntegrations(context));
  const syncs = createSyncs(context);
  const webhooks = createWebhooks(context);
  const close = () => context.close();
  return {
    destinations,
    integrations,
    syncs,
    imports: createImports(context),
    webhooks,
    apply: (file, options = {}) =>
      applyFile(context, { destinations, integrations, syncs, webhooks }, file, options),
    preview: (what, options = {}) => preview(context, { destinations, integrations, syncs }, what, options),
    close,
    [Symbol.asyncDispose]: close,
  };
}

export { parseRowcastFile } from '../definitions/file.ts';
export { placeOfSource } from '../definitions/place.ts';
export { bindingInFile } from '../definitions/sealing.ts';
export { withoutDefaults } from '../definitions/withoutDefaults.ts';
export type { FileSync, RowcastFile } from '../definitions/file.ts';
export type { SyncDefinition, SyncInput } from '../definitions/sync.ts';
export { RowcastError } from '../errors.ts';
export type { FailureCode } from '../errors.ts';
export { newIdentity } from '../secrets/identities.ts';
export { seal } from '../secrets/sealed.ts';
export type { Binding } from '../secrets/sealed.ts';
export type { DeliveredCall, FailedRow } from '../storage/manifest.ts';
export type {
  ApplyAnswer,
  ConnectionTest,
  DefinitionDescription,
  ImportRecord,
  KeyAnswer,
  Outcome,
  PreviewResult,
  PreviewRow,
  RemoveAnswer,
  ResetAnswer,
  SyncDescription,
  TestStep,
  Trigger,
} from '../workflows/contract.ts';
export type { AppliedDefinition, ApplyFileOptions } from './apply.ts';
export type { ConnectOptions, Page, PageRequest } from './context.ts';
export type { Definitions } from './holders.ts';
export type { ErrorGroup } from './errorGroups.ts';
export type { ImportsRequest } from './importPages.ts';
export type { Imports } from './imports.ts';
export type { PreviewDefinitions, PreviewOptions } from './preview.ts';
export type { Progress } from './progress.ts';
export type { AcceptHostKey, ApplyOptions, SaveOptions, UnknownServer } from './saveOptions.ts';
export type { Integrations, SaveKeyOptions } from './tunnelKeys.ts';
export type { TunnelKey } from '../tunnel/sealedKey.ts';
export type { RetryOptions } from './retryImport.ts';
export type { SyncStatus } from './status.ts';
export type { StartedRun } from './startRun.ts';
export type { WatchedImport } from './watch.ts';
export type { ApplySyncOptions, DisableOptions, ResetOptions, SyncListing, Syncs } from './syncs.ts';
export type { Alert, AlertRun } from '../workflows/alertMessages.ts';
export type { DestinationDefinition, DestinationInput, IntegrationDefinition, IntegrationInput };
export type { WebhookDefinition, WebhookInput };
