import type { PreviewResult } from '../extraction/preview.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { WebhookDefinition } from '../definitions/webhook.ts';
import type { FailureCode } from '../errors.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import type { SealedTunnelKey, TunnelKey } from '../tunnel/sealedKey.ts';

/*
 * What the client and the workflows say to each other: ids, names of updates and queries, and their shapes.
 * These are API between versions: a client may be older or newer than the worker.
 */

export const syncWorkflowId = (sync: string) => `rowcast-sync-${sync}`;
/** A sync's Schedule has the id of its workflow. */
export const scheduleId = syncWorkflowId;
export const runWorkflowIdPrefix = (sync: string) => `rowcast-run-${sync}`;
/** The workflow that sends failed rows of a run again. @param now ISO 8601 in UTC */
export const retryWorkflowId = (sync: string, now: string) =>
  `${runWorkflowIdPrefix(sync)}-${now.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z-retry`;

/** The sync that a run's id or name begins with; null where it is none that Temporal or Rowcast gives. */
export function syncInName(run: string): string | null {
  return /^rowcast-run-(.+)-\d{4}-\d{2}-\d{2}T[0-9:]+Z/.exec(run)?.[1] ?? null;
}

export const integrationWorkflowId = (name: string) => `rowcast-integration-${name}`;
export const destinationWorkflowId = (name: string) => `rowcast-destination-${name}`;
export const webhookWorkflowId = (name: string) => `rowcast-webhook-${name}`;
/** The workflow that tells a webhook one alert: never two of them for one. @param id of the alert. */
export const alertWorkflowId = (webhook: string, id: string) => `rowcast-alert-${webhook}-${id}`;

/** The workflow that removes what is not to be kept in a storage, and its Schedule. */
export const sweepId = (storageId: string) => `rowcast-sweep-${storageId}`;

/** Workflow types. */
export const WORKFLOWS = {
  sync: 'sync',
  syncRun: 'syncRun',
  retryRun: 'retryRun',
  integration: 'integration',
  destination: 'destination',
  webhook: 'webhook',
  alert: 'alert',
  preview: 'preview',
  connectionTest: 'connectionTest',
  sweep: 'sweep',
} as const;

/** By what runs and syncs are found among Temporal's workflows, and their types. */
export const SEARCH_ATTRIBUTES = {
  RowcastSync: 'KEYWORD',
  RowcastIntegration: 'KEYWORD',
  RowcastDestination: 'KEYWORD',
  /** Of the calls. */
  RowcastType: 'KEYWORD',
  RowcastOutcome: 'KEYWORD',
  RowcastRowsDelivered: 'INT',
  RowcastRowsFailed: 'INT',
} as const;
export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/** How Temporal words that a workflow ended after it took up an update and before it answered it. */
export const ENDED_MEANWHILE = 'AcceptedUpdateCompletedWorkflow';

/** How Temporal words that a worker finished its task without taking up an update; so it does where it was killed meanwhile. */
export const NOT_TAKEN_UP = 'UnprocessedUpdate';

/** Names of updates and queries. */
export const MESSAGES = {
  /** Update of sync, integration, destination and webhook: create or change the definition. `ApplyRequest` → `ApplyAnswer` */
  apply: 'apply',
  /** Update of sync: a run asks for the lease and its window. `BeginRunRequest` → `BeginRunAnswer` */
  beginRun: 'beginRun',
  /** Update of sync: a run hands back its result. `FinishRunRequest` → `ImportRecord` */
  finishRun: 'finishRun',
  /** Update of sync: `last_sync_time` is set. `ResetRequest` → `ResetAnswer` */
  reset: 'reset',
  /** Update of sync, integration, destination and webhook: it is deleted. No argument → `RemoveAnswer` */
  remove: 'remove',
  /** Update of integration: whether what is to be saved works. Nothing is saved. `CheckRequest` → `CheckAnswer` */
  check: 'check',
  /** Update of integration: the keys of its tunnel. `KeyRequest` → `KeyAnswer` */
  key: 'key',
  /** Query of integration, for workers: no argument → `TunnelKeys`, whose private halves are sealed. */
  tunnelKeys: 'tunnelKeys',
  /** Query of sync (→ `SyncDescription`), integration, destination and webhook (→ `DefinitionDescription`); null before there is one. */
  describe: 'describe',
  /** Query of sync: `{ before?: string; limit: number }` → `ImportRecord[]`, newest first, among the newest hundred. */
  imports: 'imports',
  /** Query of a run: how far it is by what its workflow knows. No argument → `RunStanding`; runs of 0.4.0 do not answer. */
  progress: 'progress',
} as const;

export interface ApplyRequest<Definition> {
  readonly definition: Definition;
  /** Refuse with `revision_conflict` unless the current revision is this; 0: must not exist yet. */
  readonly ifRevision?: number;
  /** Only for syncs: whether the Schedule is to run; absent: true where the sync is new, else as it is. */
  readonly enabled?: boolean;
  /** Only for integrations: nothing is tried out, so that a pending key of its tunnel stays pending. */
  readonly isUntested?: boolean;
}

export interface CheckRequest {
  readonly definition: IntegrationDefinition;
}

export interface CheckAnswer {
  /** As it is to be saved: with the host key by which the SSH server of its tunnel is known already. */
  readonly definition: IntegrationDefinition;
  /** False where the change makes no difference to whether the source is reached, or there is none. */
  readonly tested: boolean;
  /** Null: it may be saved. */
  readonly refusal: SaveRefusal | null;
}

/** Why something may not be saved. */
export interface SaveRefusal {
  readonly code: FailureCode;
  /** Whole sentences: the step that failed, in its words, and what to do. */
  readonly message: string;
  /** As in `ConnectionTest`. */
  readonly unknownHostKey?: string;
}

export interface ApplyAnswer {
  readonly change: 'created' | 'updated' | 'unchanged';
  readonly revision: number;
  /** Names of the fields that changed. */
  readonly changed: readonly string[];
  /** Sentences for the user: last_sync_time kept, state taken over from a copy, a schedule changed elsewhere. */
  readonly notices: readonly string[];
}

export interface ResetRequest {
  /** What `last_sync_time` becomes, in whole Unix seconds; 0: the next run sends everything. */
  readonly to: number;
}

export interface ResetAnswer {
  /** What `last_sync_time` was, in whole Unix seconds. */
  readonly before: number;
  readonly lastSyncTime: number;
  /** The run under way, which goes on with its own window and leaves `last_sync_time` alone. */
  readonly running: ImportRecord | null;
}

export interface RemoveAnswer {
  /** Sentences for the user: a run that was cancelled, files that could not be removed. */
  readonly notices: readonly string[];
}

export interface KeyRequest {
  /** `show` makes the first key where there is none; `rotate` makes a pending one beside the active one. */
  readonly action: 'show' | 'rotate' | 'discard';
}

/** The keys of an integration's tunnel, as they are after the request. */
export interface KeyAnswer {
  readonly change: 'created' | 'unchanged' | 'discarded';
  /** The key that runs use. */
  readonly active: TunnelKey | null;
  /** The key that is neither saved nor used yet. */
  readonly pending: TunnelKey | null;
}

export interface DefinitionDescription<Definition> {
  readonly definition: Definition;
  readonly revision: number;
}

export interface SyncDescription extends DefinitionDescription<SyncDefinition> {
  /** Whole Unix seconds by the source's clock; 0 before the first successful run. */
  readonly lastSyncTime: number;
  readonly storage: StorageIdentity;
  /** The run that holds the lease, if one does. */
  readonly running: ImportRecord | null;
  readonly lastImport: ImportRecord | null;
  /** How many imports were put into storage, since they were older than the newest hundred; absent from older workers. */
  readonly archived?: number;
}

export type Outcome = 'running' | 'succeeded' | 'succeeded_with_errors' | 'failed' | 'skipped' | 'cancelled';
export type Trigger = 'schedule' | 'manual' | 'backfill' | 'retry';

/** The record of a run that people look at. Every `…At` is ISO 8601 in UTC; what is unknown is null. */
export interface ImportRecord {
  /** The run's name: its workflow id, a tilde, and the id of its first execution. */
  readonly run: string;
  readonly sync: string;
  readonly outcome: Outcome;
  readonly trigger: Trigger;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** The value put in for `{{last_sync_time}}`, in whole Unix seconds. */
  readonly since: number | null;
  /** What `last_sync_time` became, or would have become, in whole Unix seconds by the source's clock. */
  readonly until: number | null;
  readonly rows: number | null;
  readonly delivered: number | null;
  readonly failed: number | null;
  /** Intervals that were due, and skipped, while this run was under way. */
  readonly skippedIntervals: number;
  readonly errorCode: FailureCode | null;
  readonly error: string | null;
  readonly warnings: readonly string[];
  /** Of a retry: the run whose failed rows it sent again. */
  readonly retryOf?: string;
  /** Of a run whose failed rows were sent again: by which run last, when that began, and how often. Its counts say what came of it. */
  readonly retried?: { readonly by: string; readonly at: string; readonly times: number };
}

/** Arguments of the `retryRun` workflow. */
export interface RetryArguments {
  readonly version: 1;
  readonly sync: string;
  /** The run whose failed rows are sent again. */
  readonly of: string;
  /** Only those with this fault; null: all. */
  readonly code: string | null;
}

/** The name of a run: in storage, in the lease, in imports. */
export const runName = (workflowId: string, firstExecutionRunId: string) =>
  `${workflowId}~${firstExecutionRunId}`;

/** The workflow id and first execution that a run's name holds. */
export function parseRunName(run: string): { workflowId: string; firstExecutionRunId: string } | null {
  const at = run.lastIndexOf('~');
  return at < 1 ? null : { workflowId: run.slice(0, at), firstExecutionRunId: run.slice(at + 1) };
}

/** Where a run is once it has its lease: reading, delivering, or closing its books. */
export type RunStage = 'reading' | 'delivering' | 'ending';

/** How far a run is by what its workflow knows: what its activities handed back. They heartbeat what goes beyond it. */
export interface RunStanding {
  readonly stage: RunStage;
  /** All rows of the query; null before it was read to its end. */
  readonly rows: number | null;
  /** How many of them could not become calls. */
  readonly failed: number;
  /** By number, each with all of its rows. */
  readonly lanes: readonly (LaneCounts & { readonly rows: number })[];
}

export interface LaneCounts {
  /** What of the lane is delivered, and what the destination did not take. */
  readonly delivered: number;
  readonly failed: number;
}

/** What the activities of a run heartbeat, read by the client from `describe()`. */
export type RunProgress =
  | {
      readonly stage: 'extract';
      readonly rows: number;
      /** The most rows that an attempt before this one had read. Neither is in heartbeats of 0.4.0. */
      readonly furthest?: number;
      /** How many of the rows cannot become calls. */
      readonly failed?: number;
    }
  | {
      readonly stage: 'deliver';
      readonly lanes: readonly { readonly lane: number; readonly position: LaneCounts }[];
      /** What is wrong with the destination now, in words; absent or null where nothing is known to be. */
      readonly trouble?: string | null;
    };

/** Arguments of the `preview` workflow. */
export interface PreviewRequest {
  readonly sync: SyncDefinition;
  readonly integration: IntegrationDefinition;
  readonly destination: DestinationDefinition;
  /** The value for `{{last_sync_time}}`. */
  readonly since: number;
  /** 1 to 100. */
  readonly limit: number;
  /** The age recipient (`age1…`) to which the answer is sealed. */
  readonly recipient: string;
}

/** Arguments of the `connectionTest` workflow: what is tested need not be saved. */
export type ConnectionTestRequest =
  | {
      readonly kind: 'integration';
      readonly definition: IntegrationDefinition;
      /** Of the tunnel; absent: the pending one, else the active one. */
      readonly key?: SealedTunnelKey;
    }
  | { readonly kind: 'destination'; readonly definition: DestinationDefinition }
  | { readonly kind: 'webhook'; readonly definition: WebhookDefinition };

/** What came of testing a connection, step by step; it ends with the first step that failed. */
export interface ConnectionTest {
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
  /** The fingerprint of the tunnel's SSH server, where it is the reason: nobody has accepted it yet. */
  readonly unknownHostKey?: string;
}

export interface TestStep {
  readonly step: string;
  readonly ok: boolean;
  /** What was found, or what is wrong and what to do. */
  readonly words: string;
}

/** Result of the `preview` workflow: a `PreviewOutcome` as JSON, sealed with age, in base64. */
export interface SealedPreview {
  readonly sealed: string;
}

export type PreviewOutcome =
  | { readonly ok: true; readonly preview: PreviewResult }
  | { readonly ok: false; readonly code: FailureCode; readonly message: string };

export type { PreviewResult, PreviewRow } from '../extraction/preview.ts';

/** The files of a sync's runs in storage. */
export const runsFolder = (sync: string) => `runs/${sync}`;

/** A run's files in storage, all below `runs/<sync>/<run>/`. */
export const runFolder = (sync: string, run: string) =>
  `${runsFolder(sync)}/${run.replaceAll(':', '').replace('~', '=')}`;
