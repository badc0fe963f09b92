import { randomUUID } from 'node:crypto';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import { WORKFLOWS } from '../workflows/contract.ts';
import type { PreviewOutcome, PreviewRequest, PreviewResult, SealedPreview } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';

/** What is previewed: definitions that need not be saved. */
export interface PreviewDefinitions {
  readonly sync: SyncDefinition;
  readonly integration: IntegrationDefinition;
  readonly destination: DestinationDefinition;
}

export interface PreviewOptions {
  /** The value for `{{last_sync_time}}`, in whole Unix seconds. */
  readonly since: number;
  /** How many rows: 1 to 100, 10 by default. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
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
  definitions: PreviewDefinitions,
  { since, limit = ROWS, signal }: PreviewOptions,
): Promise<PreviewResult> {
  if (!Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX) {
    throw new RowcastError(
      'definition_invalid',
      `The number of rows to preview is ${limit}; give 1 to ${ROWS_MAX}.`,
    );
  }
  const identity = await generateX25519Identity();
  const request: PreviewRequest = {
    ...definitions,
    since,
    limit,
    recipient: await identityToRecipient(identity),
  };
  const { sealed } = await context.askWorker(
    () =>
      context.client.workflow.execute<(input: PreviewRequest) => Promise<SealedPreview>>(WORKFLOWS.preview, {
        workflowId: `rowcast-preview-${definitions.sync.name}-${randomUUID()}`,
        taskQueue: context.taskQueue,
        args: [request],
        workflowExecutionTimeout: '5 minutes',
        staticSummary: `preview of ${definitions.sync.name}`,
      }),
    signal,
  );
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const outcome = JSON.parse(
    await decrypter.decrypt(Buffer.from(sealed, 'base64'), 'text'),
  ) as PreviewOutcome;
  if (!outcome.ok) throw new RowcastError(outcome.code, outcome.message);
  return outcome.preview;
}
