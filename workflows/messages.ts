import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { FailureCode } from '../errors.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import type { TunnelKeys } from '../tunnel/sealedKey.ts';
import type { AlertState, Due } from './alertMessages.ts';
import type { ImportRecord, Outcome, Trigger } from './contract.ts';

/* What runs, the sync workflow and their activities say to each other. */

/** The arguments of a sync's Schedule; a run that comes without today's makes the sync heal its Schedule. */
export interface RunArguments {
  readonly version: typeof RUN_ARGUMENTS_VERSION;
}
export const RUN_ARGUMENTS_VERSION = 1;

/** What a retry is to send again. */
export interface RetryRequest {
  /** The run whose failed rows it sends. */
  readonly of: string;
  /** Only those with this fault; null: all. */
  readonly code: string | null;
}

/** What is known of a run before it has begun. */
export interface RunBeginning {
  readonly trigger: Trigger;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Given by a retry. */
  readonly retry?: RetryRequest;
}

/** A run asks the sync workflow for the lease and its window. */
export interface BeginRunRequest extends RunBeginning {
  readonly run: string;
  /** The Schedule's count of skipped intervals so far. */
  readonly skippedBefore: number;
  /** Whether the run came with today's arguments. */
  readonly upToDate: boolean;
  /** What the asker found out about the holder that it was told of. */
  readonly holder: { readonly run: string; readonly state: 'running' | 'gone' } | null;
  /** How long the activities of a run that is gone may still send, in milliseconds. */
  readonly quietMs: number;
  /** When the Schedule starts the next runs; null where it is paused or gone, absent from older workers. */
  readonly due?: Due | null;
}

export type BeginRunAnswer =
  | { readonly kind: 'granted'; readonly grant: RunGrant }
  /** Another run holds the lease: find out whether it is running, and ask again. */
  | { readonly kind: 'held'; readonly holder: string }
  /** Another run is under way, or was when this one asked first; this one is recorded as skipped. */
  | { readonly kind: 'skipped'; readonly holder: string | null }
  /** The run is recorded already: the question came late, or its workflow was reset. */
  | { readonly kind: 'ended' }
  /** The holder is gone, but its activities may still send: ask again after `ms`. */
  | { readonly kind: 'wait'; readonly ms: number };

/** What a run needs of its sync: fixed for the run, whatever is applied meanwhile. */
export interface RunGrant {
  readonly sync: SyncDefinition;
  readonly storage: StorageIdentity;
  /** The value for `{{last_sync_time}}`, in whole Unix seconds. */
  readonly since: number;
  readonly window: Window;
  /** A run before this one did not end well, and may have left files; absent in grants of older versions. */
  readonly leftovers?: boolean;
  /** Of a retry: what it sends again. */
  readonly retry?: RetryGrant;
}

export interface RetryGrant extends RetryRequest {
  /** The run whose files list the rows that have not been delivered yet: the original, or the last that retried it. */
  readonly from: string;
}

/** The window that is to be covered, kept until a run has covered it. */
export interface Window {
  readonly id: string;
  readonly firstAttemptAtMs: number;
}

/** A run hands back its result. */
export interface FinishRunRequest {
  readonly run: string;
  readonly outcome: Exclude<Outcome, 'running' | 'skipped'>;
  /** ISO 8601. */
  readonly endedAt: string;
  readonly until: number | null;
  readonly rows: number | null;
  readonly delivered: number | null;
  readonly failed: number | null;
  /** The Schedule's count of skipped intervals now; null where there is no Schedule. */
  readonly skippedAfter: number | null;
  readonly errorCode: FailureCode | null;
  readonly error: string | null;
  readonly warnings: readonly string[];
  /** Whether what delivers may still be at work, since nobody heard it end. Absent from runs of older versions. */
  readonly unheard?: boolean;
  /** Where the run delivered to. Absent from runs before 0.5.0, and from those that could not begin. */
  readonly destination?: string;
  /** Given where the run could not begin, so that it is recorded all the same. */
  readonly beginning?: RunBeginning;
  /** As in `BeginRunRequest`. */
  readonly due?: Due | null;
}

/** The state of a sync: the argument of its workflow when it continues as new, and the content of its copies. */
export interface SyncState {
  readonly version: 1;
  readonly definition: SyncDefinition;
  readonly revision: number;
  /** ISO 8601; intervals are counted from it where there is no `startAt`. */
  readonly createdAt: string;
  readonly storage: StorageIdentity;
  /** Whole Unix seconds by the source's clock; 0 before the first successful run. */
  readonly lastSyncTime: number;
  /** Raised by a reset, so that a run that began before it cannot move `lastSyncTime`. */
  readonly generation: number;
  readonly window: Window | null;
  readonly lease: Lease | null;
  /** Until then, activities of a run that is gone may still send: milliseconds since 1970. */
  readonly quietUntilMs: number;
  /** The newest hundred, newest last. */
  readonly imports: readonly ImportRecord[];
  /** Older ones that are not in storage yet, newest last; absent in states of older versions. */
  readonly outgoing?: readonly ImportRecord[];
  /** How many are in storage; absent in states of older versions. */
  readonly archived?: number;
  /** What webhooks are told of; absent in states of older versions. */
  readonly alerts?: AlertState;
  /** Where the last run delivered to; absent before one has, and in states of versions before 0.5.0. */
  readonly destination?: string;
  /** The number of the newest copy of this state in storage. */
  readonly copy: number;
}

/** The right to be the one run of a sync. */
export interface Lease {
  readonly record: ImportRecord;
  readonly generation: number;
  readonly skippedBefore: number;
  readonly grant: RunGrant;
  /** As in its request; absent in leases of older versions. */
  readonly quietMs?: number;
  /** Of a retry: the import of the run that it retries, as it was. */
  readonly original?: ImportRecord;
}

/** What remains of a sync, an integration or a destination that was deleted: its name is free, and starts anew. */
export interface Tombstone {
  readonly version: 1;
  /** ISO 8601. */
  readonly deletedAt: string;
  readonly storage: StorageIdentity;
  /** As in `SyncState`: a run that did not end in time may still send. */
  readonly quietUntilMs: number;
  readonly copy: number;
}

/** Whether the state in a copy is a tombstone. */
export function isTombstone(state: unknown): state is Tombstone {
  return typeof state === 'object' && state !== null && 'deletedAt' in state;
}

/** The state of an integration, a destination or a webhook. */
export interface HolderState {
  readonly version: 1;
  /** Null where only the keys of a tunnel were made so far. */
  readonly definition: IntegrationDefinition | DestinationDefinition | WebhookDefinition | null;
  /** 0 where there is no definition. */
  readonly revision: number;
  readonly storage: StorageIdentity;
  readonly copy: number;
  /** Absent where none was ever made. */
  readonly keys?: TunnelKeys;
}

/** What a run works by, put together by the begin activity; the definitions are those it began with. */
export interface RunPlan extends RunGrant {
  readonly integration: IntegrationDefinition;
  readonly destination: DestinationDefinition;
  readonly queues: StorageQueues;
  readonly settings: RunSettings;
}

/** The task queues of a storage: whoever can reach it polls them. Three, so that no kind of work waits behind another. */
export interface StorageQueues {
  readonly control: string;
  readonly extract: string;
  readonly deliver: string;
}

/** The worker's settings as they hold for a run, in milliseconds where named so. */
export interface RunSettings {
  readonly heartbeatMs: number;
  /** How long a task of a storage waits for a machine that can reach it. */
  readonly storageWaitMs: number;
  /** How long one delivery activity works before it hands back its position. */
  readonly deliverMs: number;
  /** At most this many rows are delivered by one activity, all lanes in it. */
  readonly smallRunRows: number;
  readonly lanes: number;
}

export type BegunRun =
  | { readonly kind: 'granted'; readonly plan: RunPlan }
  | { readonly kind: 'skipped'; readonly holder: string | null }
  | { readonly kind: 'wait'; readonly ms: number };
