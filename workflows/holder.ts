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
import type { ControlActivities, HolderKind, UsedKind } from '../activities/types.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import type { TunnelKeys } from '../tunnel/sealedKey.ts';
import { changedFields } from './changedFields.ts';
import { mustHoldDefinition, mustNameAction } from './checkRequest.ts';
import { checkRevision } from './checkRevision.ts';
import { MESSAGES } from './contract.ts';
import type {
  ApplyAnswer,
  ApplyRequest,
  CheckAnswer,
  CheckRequest,
  DefinitionDescription,
  KeyAnswer,
  KeyRequest,
  RemoveAnswer,
} from './contract.ts';
import { findState, saveCopy } from './copies.ts';
import { withKnownHostKey } from './knownHostKey.ts';
import { isTombstone } from './messages.ts';
import type { HolderState, Tombstone } from './messages.ts';
import { needsTest, tryOut } from './tryOut.ts';
import { changeKeys, NO_KEYS, publicHalf, savedKeys } from './tunnelKeys.ts';
import { besides, createTurns, uncancelled } from './turns.ts';
import type { Turns } from './turns.ts';

type Definition = IntegrationDefinition | DestinationDefinition | WebhookDefinition;

/** What is held here. */
type Kind = Exclude<HolderKind, 'sync'>;

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

/** Holds the definition of a webhook. */
export async function webhook(input: HolderInput): Promise<void> {
  await hold('webhook', input);
}

/**
 * Holds one definition for as long as it is needed: changed by updates, read by queries, copied to storage
 * before a change is answered. Where it starts without a state it takes over the copy it finds there.
 */
async function hold(kind: Kind, { name, state: carried }: HolderInput): Promise<void> {
  const held: Held = { state: carried ?? null, notices: [] };
  const inTurn = createTurns();

  setHandler(defineQuery<DefinitionDescription<Definition> | null>(MESSAGES.describe), () =>
    described(held.state),
  );
  setHandler(
    defineUpdate<ApplyAnswer, [ApplyRequest<Definition>]>(MESSAGES.apply),
    (request) => inTurn(() => applyDefinition(kind, name, held, request)),
    { validator: mustHoldDefinition },
  );
  if (kind === 'integration') {
    handleKeys(name, held, inTurn);
    setHandler(
      defineUpdate<CheckAnswer, [CheckRequest]>(MESSAGES.check),
      (request) => checkDefinition(name, held, inTurn, request),
      { validator: mustHoldDefinition },
    );
  }
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
  kind: Kind,
  name: string,
  held: Held,
  { definition: given, ifRevision, isUntested = false }: ApplyRequest<Definition>,
): Promise<ApplyAnswer> {
  const storage = await takeOver(kind, name, held);
  const before = held.state;
  const old = before?.definition ?? null;
  checkRevision(`The ${kind} ${name}`, before?.revision ?? 0, ifRevision);
  const definition = 'source' in given ? withKnownHostKey(given, integrationOf(before)) : given;
  const keys = 'source' in definition ? await savedKeys(definition, keysOf(before), isUntested) : NO_KEYS;
  const notices = held.notices.splice(0);
  const changed = old === null ? [] : changedFields(old, definition);
  if (old !== null && keys.active !== keysOf(before).active) changed.push('tunnel.key');
  if (before !== null && old !== null && changed.length === 0) {
    return { change: 'unchanged', revision: before.revision, changed, notices };
  }
  const revision = (before?.revision ?? 0) + 1;
  const after: HolderState = { version: 1, definition, revision, storage, copy: before?.copy ?? 0 };
  held.state = await saveCopy(kind, name, withKeys(after, keys));
  setCurrentDetails(`Revision ${revision}.`);
  return { change: old === null ? 'created' : 'updated', revision, changed, notices };
}

/** Whether what is to be saved works. It is tried out beside other messages, since nothing is saved. */
async function checkDefinition(
  name: string,
  held: Held,
  inTurn: Turns,
  { definition: given }: CheckRequest,
): Promise<CheckAnswer> {
  await inTurn(() => takeOver('integration', name, held));
  const before = integrationOf(held.state);
  const definition = withKnownHostKey(given, before);
  const keys = keysOf(held.state);
  if (!needsTest(before, definition, keys)) return { definition, tested: false, refusal: null };
  const refusal = await besides(() => tryOut(definition, keys));
  return { definition, tested: true, refusal };
}

function integrationOf(state: HolderState | null): IntegrationDefinition | null {
  const definition = state?.definition ?? null;
  return definition !== null && 'source' in definition ? definition : null;
}

/** Deletes what nobody uses, and leaves a tombstone. @throws ApplicationFailure in_use naming the users; not_found. */
async function removeDefinition(kind: Kind, name: string, held: Held): Promise<RemoveAnswer> {
  await takeOver(kind, name, held);
  const { state } = held;
  if (state === null) {
    throw ApplicationFailure.nonRetryable(
      `There is no ${kind} ${name}; \`rowcast ${kind} list\` shows those that exist.`,
      'not_found',
    );
  }
  await mustBeUnused(kind, name);
  await leaveTombstone(kind, name, held, state);
  return { notices: [] };
}

/** Nothing refers to a webhook. @throws ApplicationFailure in_use */
async function mustBeUnused(kind: Kind, name: string): Promise<void> {
  if (kind === 'webhook') return;
  const users = await findUsers({ kind, name });
  if (users.length > 0) throw inUse(kind, name, users);
}

/** The keys of a tunnel go as well. */
async function leaveTombstone(kind: Kind, name: string, held: Held, state: HolderState): Promise<void> {
  const { storage, copy } = state;
  const deletedAt = new Date().toISOString();
  await saveCopy<Tombstone>(kind, name, { version: 1, deletedAt, storage, quietUntilMs: 0, copy });
  held.state = null;
  setCurrentDetails(`Deleted at ${deletedAt}.`);
}

function described(state: HolderState | null): DefinitionDescription<Definition> | null {
  if (state === null || state.definition === null) return null;
  return { definition: state.definition, revision: state.revision };
}

/** The keys of an integration's tunnel, which may be made before it exists. */
function handleKeys(name: string, held: Held, inTurn: Turns): void {
  setHandler(defineQuery<TunnelKeys>(MESSAGES.tunnelKeys), () => keysOf(held.state));
  setHandler(
    defineUpdate<KeyAnswer, [KeyRequest]>(MESSAGES.key),
    (request) => inTurn(() => applyKeys(name, held, request)),
    { validator: mustNameAction },
  );
}

async function applyKeys(name: string, held: Held, request: KeyRequest): Promise<KeyAnswer> {
  const storage = await takeOver('integration', name, held);
  const nothing: HolderState = { version: 1, definition: null, revision: 0, storage, copy: 0 };
  const before = held.state ?? nothing;
  const { keys, change } = await changeKeys(name, keysOf(before), request);
  const after = withKeys(before, keys);
  if (after.definition === null && after.keys === undefined) {
    if (held.state !== null) await leaveTombstone('integration', name, held, held.state);
  } else if (change !== 'unchanged') {
    held.state = await saveCopy('integration', name, after);
  }
  return { change, active: publicHalf(keys.active), pending: publicHalf(keys.pending) };
}

const keysOf = (state: HolderState | null) => state?.keys ?? NO_KEYS;

function withKeys(state: HolderState, keys: TunnelKeys): HolderState {
  const { version, definition, revision, storage, copy } = state;
  const without = { version, definition, revision, storage, copy };
  return keys.active === null && keys.pending === null ? without : { ...without, keys };
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
async function takeOver(kind: Kind, name: string, held: Held): Promise<StorageIdentity> {
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
