import { getClient } from '@temporalio/activity';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import { copiedNames, latestCopy } from '../storage/copies.ts';
import type { Storage } from '../storage/storage.ts';
import { integrationWorkflowId, MESSAGES, syncWorkflowId } from '../workflows/contract.ts';
import type { DefinitionDescription, WORKFLOWS } from '../workflows/contract.ts';
import { isTombstone } from '../workflows/messages.ts';
import type { UsedKind } from './types.ts';
import { queryWorkflow } from './workflowCalls.ts';

type User = SyncDefinition | IntegrationDefinition;

/** Who refers to each kind, and how. */
const USERS = {
  integration: {
    kind: 'sync',
    workflowId: syncWorkflowId,
    nameOf: (user: User) => ('integration' in user ? user.integration : null),
  },
  destination: {
    kind: 'integration',
    workflowId: integrationWorkflowId,
    nameOf: (user: User) => ('destination' in user ? user.destination : null),
  },
} as const;

/** How many are asked side by side. */
const ASKED_AT_ONCE = 20;

/**
 * The names of those that refer to an integration or a destination, in ascending order: by their workflows, and for
 * those whose workflow was lost by their copies in storage, with which they come back. A living workflow wins over
 * its copies, which may be those of an earlier life, or be left of a change that was not kept.
 */
export async function findUsers(
  storage: Storage,
  taskQueue: string,
  { kind: used, name }: { readonly kind: UsedKind; readonly name: string },
): Promise<string[]> {
  const { kind, workflowId, nameOf } = USERS[used];
  const candidates = new Set([
    ...(await copiedNames(storage, kind)),
    ...(await runningNames(kind, workflowId(''), taskQueue)),
  ]);
  const users: string[] = [];
  const queue = candidates.values();
  const ask = async () => {
    for (const candidate of queue) {
      const definition =
        (await livingDefinition(workflowId(candidate))) ?? (await copiedDefinition(storage, kind, candidate));
      if (definition !== null && nameOf(definition) === name) users.push(candidate);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return users.sort();
}

/** The names of what runs under a workflow type on a task queue. */
export async function runningNames(
  type: keyof typeof WORKFLOWS,
  prefix: string,
  taskQueue: string,
): Promise<string[]> {
  const query = `WorkflowType = '${type}' AND ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue}'`;
  const found = await Array.fromAsync(getClient().workflow.list({ query }));
  return found.map(({ workflowId }) => workflowId.slice(prefix.length));
}

async function copiedDefinition(
  storage: Storage,
  kind: 'sync' | 'integration',
  name: string,
): Promise<User | null> {
  const copy = await latestCopy(storage, kind, name);
  if (copy === null || isTombstone(copy.state)) return null;
  return (copy.state as { readonly definition: User }).definition;
}

/** Null where it is not running. */
async function livingDefinition(workflowId: string): Promise<User | null> {
  try {
    return (await queryWorkflow<DefinitionDescription<User>>(workflowId, MESSAGES.describe)).definition;
  } catch (error) {
    if (error instanceof RowcastError && error.code === 'not_found') return null;
    throw error;
  }
}
