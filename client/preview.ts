import { randomUUID } from 'node:crypto';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { DestinationDefinition } from '../definitions/destination.ts';
import type { DestinationInput } from '../definitions/destination.ts';
import { IntegrationDefinition } from '../definitions/integration.ts';
import type { IntegrationInput } from '../definitions/integration.ts';
import { SyncDefinition } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import { WORKFLOWS } from '../workflows/contract.ts';
import type { PreviewOutcome, PreviewRequest, PreviewResult, SealedPreview } from '../workflows/contract.ts';
import { withKnownHostKey } from '../workflows/knownHostKey.ts';
import { windowStart } from '../workflows/syncState.ts';
import { checked } from './checked.ts';
import type { ClientContext } from './context.ts';
import type { Definitions } from './holders.ts';
import type { Syncs } from './syncs.ts';

/** What is previewed: definitions that need not be saved. */
export interface PreviewDefinitions {
  readonly sync: SyncDefinition;
  readonly integration: IntegrationDefinition;
  readonly destination: DestinationDefinition;
}

export interface PreviewOptions {
  /** The value for `{{last_sync_time}}`, in whole Unix seconds; by default that of the sync's next run. */
  readonly since?: number;
  /** How many rows: 1 to 100, 10 by default. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What previewing needs of the SDK. */
export interface PreviewSources {
  readonly destinations: Definitions<DestinationInput, DestinationDefinition>;
  readonly integrations: Definitions<IntegrationInput, IntegrationDefinition>;
  readonly syncs: Syncs;
}

const ROWS = 10;
const ROWS_MAX = 100;

/**
 * Reads the first rows of a query beside the calls that they would become. The answer is sealed to a key made
 * for this question, so that no row lies readable in Temporal's history.
 *
 * @throws RowcastError whatever is wrong with the source, the query or its columns.
 */
export async function preview(
  context: ClientContext,
  sources: PreviewSources,
  what: string | PreviewDefinitions,
  options: PreviewOptions,
): Promise<PreviewResult> {
  const { since: given, limit = ROWS, signal } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX)
    throw invalid(`The number of rows to preview is ${limit}; give 1 to ${ROWS_MAX}.`);
  if (given !== undefined && !(Number.isSafeInteger(given) && given >= 0))
    throw invalid(`The time to preview from is ${given}; give whole Unix seconds, from 0.`);
  const definitions =
    typeof what === 'string'
      ? await savedDefinitions(sources, what, signal)
      : await checkedDefinitions(sources, what, signal);
  const { sync } = definitions;
  const lastSyncTime = async () => (await sources.syncs.find(sync.name, signal))?.lastSyncTime ?? 0;
  const since = given ?? windowStart(await lastSyncTime(), sync);

  const identity = await generateX25519Identity();
  const request = { ...definitions, since, limit, recipient: await identityToRecipient(identity) };
  const { sealed } = await sealedAnswer(context, request, signal);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const outcome = JSON.parse(
    await decrypter.decrypt(Buffer.from(sealed, 'base64'), 'text'),
  ) as PreviewOutcome;
  if (!outcome.ok) throw new RowcastError(outcome.code, outcome.message);
  return outcome.preview;
}

async function savedDefinitions(
  { destinations, integrations, syncs }: PreviewSources,
  name: string,
  signal?: AbortSignal,
): Promise<PreviewDefinitions> {
  const { definition: sync } = await syncs.get(name, signal);
  const { definition: integration } = await integrations.get(sync.integration, signal);
  const { definition: destination } = await destinations.get(integration.destination, signal);
  return { sync, integration, destination };
}

async function checkedDefinitions(
  { integrations }: PreviewSources,
  { sync, integration: given, destination }: PreviewDefinitions,
  signal?: AbortSignal,
): Promise<PreviewDefinitions> {
  const integration = checked(IntegrationDefinition, given, 'The integration');
  const saved = integration.tunnel === undefined ? null : await integrations.find(integration.name, signal);
  return {
    sync: checked(SyncDefinition, sync, 'The sync'),
    integration: withKnownHostKey(integration, saved?.definition ?? null),
    destination: checked(DestinationDefinition, destination, 'The destination'),
  };
}

/** Where nobody waits for the answer any more, the query is stopped too. */
async function sealedAnswer(
  context: ClientContext,
  request: PreviewRequest,
  signal?: AbortSignal,
): Promise<SealedPreview> {
  const { name } = request.sync;
  const handle = await context.askWorker(
    () =>
      context.client.workflow.start<(input: PreviewRequest) => Promise<SealedPreview>>(WORKFLOWS.preview, {
        workflowId: `rowcast-preview-${name}-${randomUUID()}`,
        taskQueue: context.taskQueue,
        args: [request],
        workflowExecutionTimeout: '5 minutes',
        staticSummary: `preview of ${name}`,
      }),
    signal,
  );
  try {
    return await context.ask(() => handle.result(), signal);
  } catch (error) {
    // It may have ended by itself.
    await handle.cancel().catch(() => undefined);
    throw error;
  }
}

function invalid(message: string): RowcastError {
  return new RowcastError('definition_invalid', message);
}
