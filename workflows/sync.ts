import {
  allHandlersFinished,
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ControlActivities, StorageActivities } from '../activities/types.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { heldImports, SEGMENT_IMPORTS, withoutArchived } from './archive.ts';
import { changedFields } from './changedFields.ts';
import { mustHoldDefinition, mustHoldTime, mustNameRun } from './checkRequest.ts';
import { checkRevision } from './checkRevision.ts';
import { MESSAGES } from './contract.ts';
import type {
  ApplyAnswer,
  ApplyRequest,
  ImportRecord,
  RemoveAnswer,
  ResetAnswer,
  ResetRequest,
  SyncDescription,
} from './contract.ts';
import { findState, saveCopy } from './copies.ts';
import { createLookout, handOver, idle, look, mustHandOver, mustLook, noted } from './lookout.ts';
import type { Lookout } from './lookout.ts';
import { isTombstone } from './messages.ts';
import type { BeginRunAnswer, BeginRunRequest, FinishRunRequest, SyncState, Tombstone } from './messages.ts';
import { tellEnded } from './observed.ts';
import { originalOf } from './original.ts';
import { storageControlQueue } from './queueNames.ts';
import { removeSync } from './removeSync.ts';
import { createShow } from './syncShown.ts';
import {
  beginRun,
  changeDefinition,
  describeSync,
  finishRun,
  isCovered,
  newSync,
  resetSync,
} from './syncState.ts';
import type { Transition } from './syncState.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';
import { deletedNotice, queryNotice } from './words.ts';

const { applySchedule, healSchedule, removeSchedule } = proxyActivities<
  Pick<ControlActivities, 'applySchedule' | 'healSchedule' | 'removeSchedule'>
>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '2 minutes',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
  summary: 'the Schedule of the sync',
});

/** The start of a sync's workflow; `state` is there where it continues as new. */
export interface SyncInput {
  readonly name: string;
  readonly state?: SyncState;
}

/**
 * A sync, for as long as it exists: holds its definition, `last_sync_time`, who runs it, and its newest imports.
 *
 * Every change is copied to storage before it is answered, so that a sync survives the loss of Temporal's
 * database: where this workflow starts without a state, it takes over the copy that it finds.
 */
export async function sync({ name, state: carried }: SyncInput): Promise<void> {
  const held: HeldSync = {
    state: carried ?? null,
    tombstone: null,
    notices: [],
    scheduleOutdated: false,
    archiveFrom: SEGMENT_IMPORTS,
    removal: null,
    lookout: createLookout(),
  };
  const inTurn = createTurns();
  answerMessages(name, held, inTurn);

  // Where the storage cannot be read, each message tries again, and says why it failed.
  if (held.state === null) await inTurn(() => takeOver(name, held)).catch(() => undefined);
  for (;;) {
    await idle(
      held,
      () => held.scheduleOutdated || mustArchive(held) || (allHandlersFinished() && mayEnd(held)),
    );
    if (held.scheduleOutdated) {
      held.scheduleOutdated = false;
      await inTurn(() => heal(held.state));
    } else if (mustArchive(held)) {
      await archive(name, held, inTurn);
    } else if (mustHandOver(held)) {
      await handOver(name, held, inTurn);
    } else if (mustLook(held)) {
      await look(name, held, inTurn);
    } else if (!allHandlersFinished() || !mayEnd(held)) {
      continue;
    } else if (held.state === null) {
      return;
    } else {
      await continueAsNew<typeof sync>({ name, state: held.state });
    }
  }
}

/** What the workflow holds between messages. */
export interface HeldSync {
  state: SyncState | null;
  /** What was found in storage, or put there, of a sync of this name that was deleted. */
  tombstone: Tombstone | null;
  /** What the next `apply` is to say: that the state was taken over from a copy. */
  notices: string[];
  /** A run came without today's arguments. */
  scheduleOutdated: boolean;
  /** With so many outgoing imports they are put into storage. */
  archiveFrom: number;
  /** Under way while the sync is being deleted: no run begins any more. */
  removal: Promise<RemoveAnswer> | null;
  /** What it tells of itself, and when it looks whether it is late. */
  readonly lookout: Lookout;
}

function mustArchive({ state, archiveFrom }: HeldSync): boolean {
  return (state?.outgoing?.length ?? 0) >= archiveFrom;
}

/** Puts the outgoing imports into storage; where that fails, it is tried again once there are some more. */
async function archive(name: string, held: HeldSync, inTurn: Turns): Promise<void> {
  const { state } = held;
  // What began with older code does without until it continues as new.
  if (state === null || !patched('archive-imports')) {
    held.archiveFrom = Infinity;
    return;
  }
  const imports = state.outgoing ?? [];
  const { archiveImports } = proxyActivities<Pick<StorageActivities, 'archiveImports'>>({
    taskQueue: storageControlQueue(state.storage.id),
    scheduleToCloseTimeout: '1 minute',
    startToCloseTimeout: '30 seconds',
    summary: `put ${imports.length} old imports into storage`,
  });
  try {
    await archiveImports({ sync: name, imports });
    await inTurn(async () => {
      if (held.state !== null) {
        held.state = await saveCopy('sync', name, withoutArchived(held.state, imports.length));
      }
    });
    held.archiveFrom = SEGMENT_IMPORTS;
  } catch {
    held.archiveFrom = imports.length + RETRY_IMPORTS;
  }
}

/** So many more imports, and what could not be put into storage is tried again. */
const RETRY_IMPORTS = 10;

/** A workflow that was started for nothing ends; one with a long history continues as new. */
function mayEnd({ state }: HeldSync): boolean {
  return state === null || workflowInfo().continueAsNewSuggested;
}

function answerMessages(name: string, held: HeldSync, inTurn: Turns): void {
  const show = createShow();
  const existing = async () => {
    if (held.state === null) await takeOver(name, held);
    if (held.state === null) throw notFound(name);
    return held.state;
  };
  const commit = async <Answer>({ state, answer }: Transition<Answer>, mayLag = false): Promise<Answer> => {
    if (state !== null) {
      const before = held.state;
      held.state = await saveCopy('sync', name, state).catch((error: unknown) => {
        if (mayLag) return state;
        throw error;
      });
      tellEnded(before, held.state);
    }
    if (held.state !== null) await show(held.state);
    return answer;
  };

  setHandler(defineQuery<SyncDescription | null>(MESSAGES.describe), () =>
    held.state === null ? null : describeSync(held.state),
  );
  setHandler(defineQuery<ImportRecord[], [ImportsRequest]>(MESSAGES.imports), (request) =>
    importsOf(held.state, request),
  );
  setHandler(
    defineUpdate<ApplyAnswer, [ApplyRequest<SyncDefinition>]>(MESSAGES.apply),
    (request) =>
      inTurn(async () => {
        const transition = await applyDefinition(name, held, request);
        const before = held.state;
        return commit(transition).catch(async (error: unknown) => {
          await restoreSchedule(name, before).catch(() => undefined);
          throw error;
        });
      }),
    { validator: mustHoldDefinition },
  );
  setHandler(
    defineUpdate<BeginRunAnswer, [BeginRunRequest]>(MESSAGES.beginRun),
    (request) =>
      inTurn(async () => {
        const before = await existing();
        if (held.removal !== null) throw beingDeleted(name);
        if (!request.upToDate) held.scheduleOutdated = true;
        const original = await originalOf(before, request);
        const transition = beginRun(before, request, Date.now(), original);
        return commit(noted(held, before, transition, request.due));
      }),
    { validator: mustNameRun },
  );
  setHandler(
    defineUpdate<ImportRecord | null, [FinishRunRequest]>(MESSAGES.finishRun),
    (request) =>
      // A run that moves nothing is recorded though its storage is what failed it: the copy may lag behind.
      inTurn(async () => {
        const before = await existing();
        const transition = finishRun(before, request, Date.now());
        return commit(noted(held, before, transition, request.due), !isCovered(request));
      }),
    { validator: mustNameRun },
  );
  setHandler(
    defineUpdate<ResetAnswer, [ResetRequest]>(MESSAGES.reset),
    (request) => inTurn(async () => commit(resetSync(await existing(), request))),
    { validator: mustHoldTime },
  );
  setHandler(defineUpdate<RemoveAnswer>(MESSAGES.remove), () =>
    removeSync(name, held, { inTurn, existing: () => inTurn(existing) }),
  );
}

interface ImportsRequest {
  /** Only imports older than this run. */
  readonly before?: string;
  readonly limit: number;
}

function importsOf(state: SyncState | null, { before, limit }: ImportsRequest): ImportRecord[] {
  const newestFirst = state === null ? [] : heldImports(state);
  const start = before === undefined ? 0 : newestFirst.findIndex(({ run }) => run === before) + 1;
  return newestFirst.slice(start, start + limit);
}

/** Makes the Schedule what the definition says, then says what changed. */
async function applyDefinition(
  name: string,
  held: HeldSync,
  { definition, ifRevision, enabled }: ApplyRequest<SyncDefinition>,
): Promise<Transition<ApplyAnswer>> {
  const storage = await takeOver(name, held);
  const before = held.state;
  checkRevision(`The sync ${name}`, before?.revision ?? 0, ifRevision);
  const changed = before === null ? [] : changedFields(before.definition, definition);
  const quietUntilMs = held.tombstone?.quietUntilMs ?? 0;
  const base = before ?? newSync({ definition, nowMs: Date.now(), storage, quietUntilMs });
  const fromSchedule = await applySchedule({
    definition,
    before: before?.definition ?? null,
    createdAt: base.createdAt,
    ...(enabled === undefined ? {} : { enabled }),
  });
  const after = before !== null && changed.length > 0 ? changeDefinition(before, definition) : base;
  const change = before === null ? 'created' : changed.length > 0 ? 'updated' : 'unchanged';
  const notices = [
    ...held.notices,
    ...(before === null ? deletedNotice(name, held.tombstone) : []),
    ...fromSchedule,
    ...queryNotice(changed, after.lastSyncTime),
  ];
  held.notices = [];
  return {
    state: change === 'unchanged' ? null : after,
    answer: { change, revision: after.revision, changed, notices },
  };
}

/** Takes back what `applyDefinition` did to the Schedule, where the definition could not be kept. */
async function restoreSchedule(name: string, before: SyncState | null): Promise<void> {
  if (before === null) {
    await removeSchedule(name);
    return;
  }
  const { definition, createdAt } = before;
  await applySchedule({ definition, before: definition, createdAt });
}

/** Where there is no state yet, takes over the copy that is in storage; says which storage it is. */
async function takeOver(name: string, held: HeldSync): Promise<StorageIdentity> {
  if (held.state !== null) return held.state.storage;
  const { storage, copy } = await findState('sync', name);
  if (copy === null) return storage;
  if (isTombstone(copy.state)) {
    held.tombstone = copy.state;
    return storage;
  }
  const copied = copy.state as SyncState;
  held.state = { ...copied, storage, copy: copy.number };
  held.notices.push(
    `The sync ${name} was taken over from copy ${copy.number} in storage, with last_sync_time ${copied.lastSyncTime}.`,
  );
  return storage;
}

/** A Schedule that cannot be healed now is healed when the next run comes without today's arguments. */
async function heal(state: SyncState | null): Promise<void> {
  if (state === null) return;
  await healSchedule({ definition: state.definition, createdAt: state.createdAt }).catch(() => undefined);
}

function notFound(name: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `There is no sync ${name}; \`rowcast sync list\` shows those that exist.`,
    'not_found',
  );
}

function beingDeleted(name: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The sync ${name} is being deleted, so no run of it begins any more.`,
    'not_found',
  );
}
