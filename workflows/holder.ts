import {
  allHandlersFinished,
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ControlActivities, UsedKind } from '../activities/types.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { changedFields } from './changedFields.ts';
import { mustHoldDefinition } from './checkRequest.ts';
import { checkRevision } from './checkRevision.ts';
import { MESSAGES } from './contract.ts';
import type { ApplyAnswer, ApplyRequest, DefinitionDescription, RemoveAnswer } from './contract.ts';
import { findState, saveCopy } from './copies.ts';
import { isTombstone } from './messages.ts';
import type { HolderState, Tombstone } from './messages.ts';
import { createTurns, uncancelled } from './turns.ts';

type Definition = IntegrationDefinition | DestinationDefinition;

const { findUsers } = proxyActivities<Pick<ControlActivities, 'findUsers'>>({
  startToCloseTimeout: '20 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds' },
});

/** The start of a long-running workflow; `state` is there where it continues as new. */
export interface HolderInput {
  readonly name: string;
  readonly state?: HolderState;
}

/** Holds the definition of an integration. */
export async function integration(input: HolderInput): Promise<void> {
  await hold('integration', input);
}

/** Holds the definition of a destination. */
export async function destination(input: HolderInput): Promise<void> {
  await hold('destination', input);
}

/**
 * Holds one definition for as long as it is needed: changed by updates, read by queries, copied to storage
 * before a change is answered. Where it starts without a state it takes over the copy it finds there.
 */
async function hold(kind: UsedKind, { name, state: carried }: HolderInput): Promise<void> {
  const held: Held = { state: carried ?? null, notices: [] };
  const inTurn = createTurns();

  setHandler(defineQuery<DefinitionDescription<Definition> | null>(MESSAGES.describe), () =>
    held.state === null ? null : { definition: held.state.definition, revision: held.state.revision },
  );
  setHandler(
    defineUpdate<ApplyAnswer, [ApplyRequest<Definition>]>(MESSAGES.apply),
    (request) => inTurn(() => applyDefinition(kind, name, held, request)),
    { validator: mustHoldDefinition },
  );
  setHandler(defineUpdate<RemoveAnswer>(MESSAGES.remove), () =>
    inTurn(() => removeDefinition(kind, name, held)),
  );

  // Where the storage cannot be read, each message tries again, and says why it failed.
  if (held.state === null) await inTurn(() => takeOver(kind, name, held)).catch(() => undefined);
  await uncancelled(
    () => allHandlersFinished() && (held.state === null || workflowInfo().continueAsNewSuggested),
  );
  if (held.state !== null) await continueAsNew<typeof integration>({ name, state: held.state });
}

/** What the workflow holds between messages. */
interface Held {
  state: HolderState | null;
  /** What the next `apply` is to say: that the state was taken over from a copy. */
  notices: string[];
}

async function applyDefinition(
  kind: UsedKind,
  name: string,
  held: Held,
  { definition, ifRevision }: ApplyRequest<Definition>,
): Promise<ApplyAnswer> {
  const storage = await takeOver(kind, name, held);
  const before = held.state;
  checkRevision(`The ${kind} ${name}`, before?.revision ?? 0, ifRevision);
  const notices = held.notices.splice(0);
  const changed = before === null ? [] : changedFields(before.definition, definition);
  if (before !== null && changed.length === 0) {
    return { change: 'unchanged', revision: before.revision, changed, notices };
  }
  const revision = (before?.revision ?? 0) + 1;
  const after: HolderState = { version: 1, definition, revision, storage, copy: before?.copy ?? 0 };
  held.state = await saveCopy(kind, name, after);
  setCurrentDetails(`Revision ${revision}.`);
  return { change: before === null ? 'created' : 'updated', revision, changed, notices };
}

/** Deletes what nobody uses, and leaves a tombstone. @throws ApplicationFailure in_use naming the users; not_found. */
async function removeDefinition(kind: UsedKind, name: string, held: Held): Promise<RemoveAnswer> {
  const storage = await takeOver(kind, name, held);
  const { state } = held;
  if (state === null) {
    throw ApplicationFailure.nonRetryable(
      `There is no ${kind} ${name}; \`rowcast ${kind} list\` shows those that exist.`,
      'not_found',
    );
  }
  const users = await findUsers({ kind, name });
  if (users.length > 0) throw inUse(kind, name, users);
  const deletedAt = new Date().toISOString();
  const tombstone = { version: 1, deletedAt, storage, quietUntilMs: 0, copy: state.copy } as const;
  await saveCopy<Tombstone>(kind, name, tombstone);
  held.state = null;
  setCurrentDetails(`Deleted at ${deletedAt}.`);
  return { notices: [] };
}

/** What uses each kind. */
const USERS = { integration: 'sync', destination: 'integration' } as const;

function inUse(kind: UsedKind, name: string, users: readonly string[]): ApplicationFailure {
  const [user, listed] = [USERS[kind], users.slice(0, 20)];
  const more = users.length > listed.length ? ` and ${users.length - listed.length} more` : '';
  return ApplicationFailure.nonRetryable(
    `The ${kind} ${name} is in use by the ${user}${users.length === 1 ? '' : 's'} ${listed.join(', ')}${more}; delete ${users.length === 1 ? 'it' : 'them'} first, or name another ${kind} there.`,
    'in_use',
  );
}

/** Where there is no state yet, takes over the copy that is in storage; says which storage it is. */
async function takeOver(kind: UsedKind, name: string, held: Held): Promise<StorageIdentity> {
  if (held.state !== null) return held.state.storage;
  const { storage, copy } = await findState(kind, name);
  if (copy === null || isTombstone(copy.state)) return storage;
  const copied = copy.state as HolderState;
  held.state = { ...copied, storage, copy: copy.number };
  held.notices.push(
    `The ${kind} ${name} was taken over from copy ${copy.number} in storage, at revision ${copied.revision}.`,
  );
  return storage;
}
