import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { changedFields } from './changedFields.ts';
import { mustHoldDefinition } from './checkRequest.ts';
import { checkRevision } from './checkRevision.ts';
import { MESSAGES } from './contract.ts';
import type { ApplyAnswer, ApplyRequest, DefinitionDescription } from './contract.ts';
import { findState, saveCopy } from './copies.ts';
import type { HolderState } from './messages.ts';
import { createTurns } from './turns.ts';

type Definition = IntegrationDefinition | DestinationDefinition;
type Kind = 'integration' | 'destination';

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
async function hold(kind: Kind, { name, state: carried }: HolderInput): Promise<void> {
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

  // Where the storage cannot be read, each message tries again, and says why it failed.
  if (held.state === null) await inTurn(() => takeOver(kind, name, held)).catch(() => undefined);
  await condition(
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
  kind: Kind,
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

/** Where there is no state yet, takes over the copy that is in storage; says which storage it is. */
async function takeOver(kind: Kind, name: string, held: Held): Promise<StorageIdentity> {
  if (held.state !== null) return held.state.storage;
  const { storage, copy } = await findState(kind, name);
  if (copy === null) return storage;
  const copied = copy.state as HolderState;
  held.state = { ...copied, storage, copy: copy.number };
  held.notices.push(
    `The ${kind} ${name} was taken over from copy ${copy.number} in storage, at revision ${copied.revision}.`,
  );
  return storage;
}
