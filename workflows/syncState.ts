import { durationMs } from '../definitions/durationMs.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { withImport } from './archive.ts';
import type { ImportRecord, Outcome, ResetAnswer, ResetRequest, SyncDescription } from './contract.ts';
import { withRetried } from './retry.ts';
import { lostWords } from './words.ts';
import type {
  BeginRunAnswer,
  BeginRunRequest,
  FinishRunRequest,
  Lease,
  RunBeginning,
  RunGrant,
  SyncState,
  Tombstone,
} from './messages.ts';

/*
 * What happens to a sync, as pure functions from state to state. The workflow in sync.ts calls them, stores a
 * copy of what comes out, and answers.
 */

export interface NewSync {
  readonly definition: SyncDefinition;
  readonly nowMs: number;
  readonly storage: StorageIdentity;
  /** As in `SyncState`; of a sync of the same name that was deleted. */
  readonly quietUntilMs: number;
}

/** A sync that has never run. */
export function newSync({ definition, nowMs, storage, quietUntilMs }: NewSync): SyncState {
  return {
    version: 1,
    definition,
    revision: 1,
    createdAt: new Date(nowMs).toISOString(),
    storage,
    lastSyncTime: 0,
    generation: 0,
    window: null,
    lease: null,
    quietUntilMs,
    imports: [],
    copy: 0,
  };
}

/** A new state and the answer that goes with it; `state` is null where nothing changes. */
export interface Transition<Answer> {
  readonly state: SyncState | null;
  readonly answer: Answer;
}

/**
 * A run asks for the lease and its window.
 *
 * One run at a time holds the lease, whatever started it. A holder that is gone is recorded as failed and loses
 * the lease, but the next one is only granted it once the activities of the old one cannot send any more.
 * Asking again with the same run gives the same grant: the request may be repeated by a retry. One that comes late,
 * when its run is recorded already, is granted nothing. A retry waits for a run that is under way.
 *
 * @param original the import of the run that a retry is to retry, which may be retried.
 */
export function beginRun(
  state: SyncState,
  request: BeginRunRequest,
  nowMs: number,
  original: ImportRecord | null = null,
): Transition<BeginRunAnswer> {
  const { lease } = state;
  if (lease?.record.run === request.run) {
    return { state: null, answer: { kind: 'granted', grant: lease.grant } };
  }
  const recorded = state.imports.find(({ run }) => run === request.run);
  if (recorded?.outcome === 'skipped') {
    return { state: null, answer: { kind: 'skipped', holder: lease?.record.run ?? null } };
  }
  if (recorded !== undefined) return { state: null, answer: { kind: 'ended' } };
  if (lease !== null && request.holder?.run !== lease.record.run) {
    return { state: null, answer: { kind: 'held', holder: lease.record.run } };
  }
  if (lease !== null && request.holder?.state === 'running') {
    if (request.retry !== undefined) return { state: null, answer: { kind: 'wait', ms: RETRY_WAIT_MS } };
    return skipRun(state, request, { holder: lease.record.run, nowMs });
  }
  if (lease !== null) {
    const quiet = { ...evict(state, lease, nowMs), quietUntilMs: nowMs + request.quietMs };
    return { state: quiet, answer: { kind: 'wait', ms: request.quietMs } };
  }
  if (state.quietUntilMs > nowMs) {
    return { state: null, answer: { kind: 'wait', ms: state.quietUntilMs - nowMs } };
  }
  return original === null ? grantRun(state, request, nowMs) : grantRetry(state, request, original);
}

/** A retry asks again after this, so that it finds the lease free between two runs of a busy sync. */
const RETRY_WAIT_MS = 5_000;

/**
 * A retry holds the lease as a run does, and leaves the window alone. What it maps again has ids of the run's own
 * window, the same in each retry.
 */
function grantRetry(
  state: SyncState,
  request: BeginRunRequest,
  original: ImportRecord,
): Transition<BeginRunAnswer> {
  const { of, code } = request.retry ?? { of: original.run, code: null };
  const grant: RunGrant = {
    sync: state.definition,
    storage: state.storage,
    since: original.since ?? 0,
    window: { id: `retry of ${of}`, firstAttemptAtMs: Date.parse(original.startedAt) },
    retry: { of, code, from: original.retried?.by ?? of },
  };
  const lease: Lease = {
    record: startedRecord(state.definition.name, request),
    generation: state.generation,
    skippedBefore: request.skippedBefore,
    grant,
    quietMs: request.quietMs,
    original,
  };
  return { state: { ...state, lease }, answer: { kind: 'granted', grant } };
}

function grantRun(state: SyncState, request: BeginRunRequest, nowMs: number): Transition<BeginRunAnswer> {
  const window = state.window ?? {
    id: `${state.generation}.${state.lastSyncTime}.${nowMs}`,
    firstAttemptAtMs: nowMs,
  };
  const grant: RunGrant = {
    sync: state.definition,
    storage: state.storage,
    since: windowStart(state.lastSyncTime, state.definition),
    window,
    leftovers: hasLeftovers(state),
  };
  const lease: Lease = {
    record: { ...startedRecord(state.definition.name, request), since: grant.since },
    generation: state.generation,
    skippedBefore: request.skippedBefore,
    grant,
    quietMs: request.quietMs,
  };
  return { state: { ...state, window, lease }, answer: { kind: 'granted', grant } };
}

/** Whether a run since the last one that covered its window may not have removed what it staged. */
function hasLeftovers({ imports }: SyncState): boolean {
  const since = imports.findLastIndex(({ outcome }) => COVERED.has(outcome));
  return imports.slice(since + 1).some(({ outcome }) => outcome === 'failed' || outcome === 'cancelled');
}

function skipRun(
  state: SyncState,
  request: BeginRunRequest,
  { holder, nowMs }: { holder: string; nowMs: number },
): Transition<BeginRunAnswer> {
  const record: ImportRecord = {
    ...startedRecord(state.definition.name, request),
    outcome: 'skipped',
    endedAt: new Date(nowMs).toISOString(),
    errorCode: 'run_overlaps',
    error: `The run ${holder} of this sync is still under way, so this one did nothing. What it would have sent goes out with a later run.`,
  };
  return {
    state: { ...state, ...withImport(state, record) },
    answer: { kind: 'skipped', holder },
  };
}

function evict(state: SyncState, lease: Lease, nowMs: number): SyncState {
  const record: ImportRecord = {
    ...lease.record,
    outcome: 'failed',
    endedAt: new Date(nowMs).toISOString(),
    errorCode: 'run_lost',
    error: lostWords(lease.original !== undefined),
  };
  return { ...state, lease: null, ...withImport(state, record) };
}

/**
 * A run hands back its result: its import is recorded, and `lastSyncTime` moves on where it covered its window
 * and no reset came in between. The next one waits until nothing that this one still sends can come after it.
 */
export function finishRun(
  state: SyncState,
  request: FinishRunRequest,
  nowMs: number,
): Transition<ImportRecord | null> {
  const { lease } = state;
  if (lease?.record.run !== request.run) {
    return finishUnbegun(state, request);
  }
  const record: ImportRecord = {
    ...lease.record,
    ...resultOf(request),
    skippedIntervals: Math.max(0, (request.skippedAfter ?? lease.skippedBefore) - lease.skippedBefore),
  };
  const moves = isCovered(request) && request.until !== null && lease.generation === state.generation;
  const recorded = { ...state, ...withImport(state, record) };
  const { original } = lease;
  return {
    state: {
      ...recorded,
      lease: null,
      ...(original !== undefined && isCovered(request) ? withRetried(recorded, original, record) : {}),
      ...(request.destination === undefined ? {} : { destination: request.destination }),
      ...(request.unheard === true ? { quietUntilMs: quietUntilMsOf(lease, nowMs) } : {}),
      ...(moves ? { lastSyncTime: request.until, window: null } : {}),
    },
    answer: record,
  };
}

const COVERED: ReadonlySet<Outcome> = new Set(['succeeded', 'succeeded_with_errors']);

/** Whether a run accounted for its whole window. */
export function isCovered({ outcome }: { readonly outcome: Outcome }): boolean {
  return COVERED.has(outcome);
}

/** What a request says of its run's import. */
function resultOf({ outcome, endedAt, until, rows, delivered, failed, ...rest }: FinishRunRequest) {
  const { errorCode, error, warnings } = rest;
  return { outcome, endedAt, until, rows, delivered, failed, errorCode, error, warnings };
}

/** A run that never held the lease moves nothing; it is recorded once. */
function finishUnbegun(state: SyncState, request: FinishRunRequest): Transition<ImportRecord | null> {
  const { beginning } = request;
  const recorded = state.imports.find(({ run }) => run === request.run);
  if (recorded !== undefined || beginning === undefined) return { state: null, answer: recorded ?? null };
  const record: ImportRecord = {
    ...startedRecord(state.definition.name, { run: request.run, ...beginning }),
    ...resultOf(request),
  };
  return { state: { ...state, ...withImport(state, record) }, answer: record };
}

/** The state with another definition; an unchanged one keeps its revision. */
export function changeDefinition(state: SyncState, definition: SyncDefinition): SyncState {
  return { ...state, definition, revision: state.revision + 1 };
}

/**
 * Sets `lastSyncTime`. A run under way covers the window that it began with, and no longer moves `lastSyncTime`;
 * the next one begins a window of its own, whose calls have ids of their own.
 */
export function resetSync(state: SyncState, { to }: ResetRequest): Transition<ResetAnswer> {
  return {
    state: { ...state, lastSyncTime: to, window: null, generation: state.generation + 1 },
    answer: { before: state.lastSyncTime, lastSyncTime: to, running: state.lease?.record ?? null },
  };
}

/** A lease of an older version does not say for how long its run may send. */
const QUIET_MS = 120_000;

function quietUntilMsOf({ quietMs = QUIET_MS }: Lease, nowMs: number): number {
  return nowMs + quietMs;
}

/** What stays of a sync that is deleted: what its run can still send, where it has not ended, comes before a new life. */
export function tombstoneOf({ storage, copy, lease, quietUntilMs }: SyncState, nowMs: number): Tombstone {
  return {
    version: 1,
    deletedAt: new Date(nowMs).toISOString(),
    storage,
    quietUntilMs: lease === null ? quietUntilMs : quietUntilMsOf(lease, nowMs),
    copy,
  };
}

/** What people and clients see of a sync. */
export function describeSync(state: SyncState): SyncDescription {
  return {
    definition: state.definition,
    revision: state.revision,
    lastSyncTime: state.lastSyncTime,
    storage: state.storage,
    running: state.lease?.record ?? null,
    lastImport: state.imports.findLast(({ trigger }) => trigger !== 'retry') ?? null,
    archived: state.archived ?? 0,
  };
}

/** The value for `{{last_sync_time}}` of the next run. */
export function windowStart(lastSyncTime: number, { lookback }: Pick<SyncDefinition, 'lookback'>): number {
  return Math.max(0, lastSyncTime - Math.ceil((durationMs(lookback) ?? 0) / 1_000));
}

/** The import of a run that has just been started. */
export function startedRecord(sync: string, request: RunBeginning & { readonly run: string }): ImportRecord {
  return {
    run: request.run,
    sync,
    outcome: 'running',
    trigger: request.trigger,
    startedAt: request.startedAt,
    endedAt: null,
    since: null,
    until: null,
    rows: null,
    delivered: null,
    failed: null,
    skippedIntervals: 0,
    errorCode: null,
    error: null,
    warnings: [],
    ...(request.retry === undefined ? {} : { retryOf: request.retry.of }),
  };
}
