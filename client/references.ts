import { RowcastError } from '../errors.ts';
import { destinationWorkflowId, integrationWorkflowId, MESSAGES } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';

const WORKFLOW_IDS = { integration: integrationWorkflowId, destination: destinationWorkflowId };

/** What a definition refers to by name. */
export interface Reference {
  readonly kind: keyof typeof WORKFLOW_IDS;
  readonly name: string;
  /** What refers to it, in words: `the sync people`. */
  readonly by: string;
}

/** @throws RowcastError definition_invalid where what a definition refers to does not exist. */
export async function requireExisting(
  context: ClientContext,
  { kind, name, by }: Reference,
  signal?: AbortSignal,
): Promise<void> {
  if ((await context.query(WORKFLOW_IDS[kind](name), MESSAGES.describe, [], signal)) !== null) return;
  throw new RowcastError(
    'definition_invalid',
    `\`${kind}\` of ${by} is ${JSON.stringify(name)}, and there is none of that name; define it first, or correct the name.`,
  );
}
