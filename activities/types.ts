import type {
  ConnectionTest,
  ConnectionTestRequest,
  ImportRecord,
  PreviewRequest,
  SearchAttributeName,
  SealedPreview,
} from '../workflows/contract.ts';
import type { Alert, AlertInput, ScheduleView } from '../workflows/alertMessages.ts';
import type { BegunRun, FinishRunRequest, RetryRequest, RunPlan } from '../workflows/messages.ts';
import type { FailureCode } from '../errors.ts';
import type { LanePosition } from '../delivery/laneRequest.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import type { RunFiles } from '../storage/runFiles.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import type { Swept } from '../storage/sweep.ts';
import type { SealedTunnelKey } from '../tunnel/sealedKey.ts';

/* What workflows may ask of the world. */

export type HolderKind = 'sync' | 'integration' | 'destination' | 'webhook';

/** What others refer to by name. */
export type UsedKind = Exclude<HolderKind, 'sync' | 'webhook'>;

/** Answered by any worker. */
export interface ControlActivities {
  /** The storage of the worker that answers, the newest copy of a state that it finds there, and where else to look. */
  takeOver(input: CopyOf): Promise<TakenOver>;
  /** Makes the Schedule what the definition says, creating it where there is none; answers sentences for the user. */
  applySchedule(input: ApplyScheduleInput): Promise<string[]>;
  /** Restores a Schedule's action and policies, and keeps what the user set there: spec, paused, note. */
  healSchedule(input: { readonly definition: SyncDefinition; readonly createdAt: string }): Promise<void>;
  /** Deletes the Schedule of a sync that came to nothing, or is deleted itself. */
  removeSchedule(sync: string): Promise<boolean>;
  /** What the Schedule of a sync says where a run is not done in time. */
  viewSchedule(sync: string): Promise<ScheduleView>;
  /** Has those webhooks told that want to be, each by a workflow of its own. */
  startAlerts(alerts: readonly Alert[]): Promise<void>;
  /** Asks the sync workflow for the lease and the window. */
  beginRun(input: BeginRunInput): Promise<BegunRun>;
  /** Hands the result back to the sync workflow. */
  finishRun(input: FinishRunInput): Promise<ImportRecord | null>;
  /** Asks a run to stop; answers whether it was running. */
  cancelRun(run: string): Promise<boolean>;
  /** The syncs of an integration, or the integrations of a destination. */
  findUsers(input: { readonly kind: UsedKind; readonly name: string }): Promise<readonly string[]>;
  /** Makes a key for the tunnel of an integration; its private half is sealed. */
  makeTunnelKey(integration: string): Promise<SealedTunnelKey>;
  /** Tries a source or a destination out; what is wrong with it is an answer, not a failure. */
  testConnection(input: ConnectionTestRequest): Promise<ConnectionTest>;
  preview(input: PreviewRequest): Promise<SealedPreview>;
  /** Which of Rowcast's search attributes the namespace has now. A local activity. */
  searchAttributes(): Promise<readonly SearchAttributeName[]>;
}

/** Answered by workers that can reach the storage. */
export interface StorageActivities {
  /** The newest copy of a state in this storage. */
  findCopy(input: CopyOf): Promise<FoundState>;
  /** Stores a numbered copy and answers its number: a later one where another state has that number already. */
  saveCopy(input: SaveCopyInput): Promise<number>;
  /** Keeps the errors and calls of a run beside their index, and removes everything else that it staged. */
  settleRun(input: SettleRunInput): Promise<void>;
  /** An import of a sync that was put into storage; null where it is not there. */
  findImport(input: { readonly sync: string; readonly run: string }): Promise<ImportRecord | null>;
  /** Puts imports of a sync into storage that it does not hold any longer. */
  archiveImports(input: ArchiveImportsInput): Promise<void>;
  /** Removes everything that the runs of a sync left in storage, and its old imports. */
  removeRuns(sync: string): Promise<void>;
  /** Removes what is not to be kept any longer, and answers what it removed. */
  sweepStorage(): Promise<Swept>;
  /** Does nothing: an answer says that a machine is there. */
  beThere(): Promise<void>;
}

/** Answered by any worker, on a task queue of its own. */
export interface AlertActivities {
  /** Tells a webhook, once. */
  tellWebhook(input: AlertInput): Promise<void>;
}

export interface ExtractActivities {
  /** Reads the query to its end into staged chunks. */
  extractRows(input: ExtractRowsInput): Promise<StagedRows>;
  /** Puts the failed rows of an earlier run into staged chunks again. */
  stageFailed(input: ExtractRowsInput): Promise<StagedRows>;
}

export interface DeliverActivities {
  /** Delivers lanes side by side from where they stand, for a while. */
  deliverLanes(input: DeliverLanesInput): Promise<DeliveredLanes>;
}

/** Whose state is looked for. */
export interface CopyOf {
  readonly kind: HolderKind;
  readonly name: string;
}

export interface FoundState {
  readonly storage: StorageIdentity;
  readonly copy: { readonly number: number; readonly state: unknown } | null;
}

/** What was found, by a worker of any storage. The optional fields are not in histories of 0.1.0. */
export interface TakenOver extends FoundState {
  /** The ids of the storages that other workers have. */
  readonly others?: readonly string[];
  /** Whether a Schedule of this sync exists. */
  readonly isScheduled?: boolean;
}

export interface ApplyScheduleInput {
  readonly definition: SyncDefinition;
  /** The definition before this change; null where the sync is new. */
  readonly before: SyncDefinition | null;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Absent: as it is; a new Schedule is enabled. */
  readonly enabled?: boolean;
}

export interface RunStartTimes {
  /** ISO 8601. */
  readonly startedAt: string;
  /** The interval that started the run, ISO 8601. */
  readonly scheduledAt: string;
}

export interface BeginRunInput extends RunStartTimes {
  readonly sync: string;
  readonly run: string;
  readonly upToDate: boolean;
  /** Given by a retry. */
  readonly retry?: RetryRequest;
}

export interface FinishRunInput {
  readonly sync: string;
  readonly result: Omit<FinishRunRequest, 'skippedAfter' | 'beginning'>;
  /** Given where the run could not begin. */
  readonly start?: RunStartTimes;
  /** Given with it by a retry. */
  readonly retry?: RetryRequest;
}

export interface SaveCopyInput {
  readonly kind: HolderKind;
  readonly name: string;
  readonly number: number;
  readonly state: unknown;
}

export interface ArchiveImportsInput {
  readonly sync: string;
  readonly imports: readonly ImportRecord[];
}

export interface SettleRunInput extends Omit<RunFiles, 'version'> {
  readonly folder: string;
}

export interface ExtractRowsInput {
  readonly plan: RunPlan;
  readonly folder: string;
}

/** What an extraction staged, in so far as the workflow needs it. */
export interface StagedRows {
  /** Key of the manifest; null where nothing is to be delivered. */
  readonly manifest: string | null;
  readonly rows: number;
  readonly failed: number;
  /** Rows of each lane. */
  readonly laneRows: readonly number[];
  readonly errorFiles: readonly string[];
  /** Of a retry: the files with the failed rows that it leaves alone. */
  readonly untriedFiles?: readonly string[];
  /** Key of what says what the columns of failed rows are. Not in histories before 0.5.0. */
  readonly described?: string;
  /** Whole Unix seconds, by the source's clock; null for rows that were read before. */
  readonly until: number | null;
  readonly warnings: readonly string[];
  /** Whether there is, or may be, anything to remove: in the run's folder, or of a run that was lost. */
  readonly filesLeft: boolean;
}

export interface DeliverLanesInput {
  readonly plan: RunPlan;
  readonly folder: string;
  readonly manifest: string;
  readonly lanes: readonly LaneStanding[];
  /** How many more rows may fail. */
  readonly failedMax: number;
  /** Whether an attempt that came further hands its lanes back when it has to rest. Not in histories before 0.3.0. */
  readonly handsBack?: boolean;
  /** What the one before handed back with its lanes: the rest is taken here, between two attempts. */
  readonly rest?: Rest | null;
}

/** Why and for how long a delivery has to wait. */
export interface Rest {
  readonly code: FailureCode;
  readonly message: string;
  /** In milliseconds; null where the other side did not say. */
  readonly ms: number | null;
}

/** A lane and how far it is. */
export interface LaneStanding {
  readonly lane: number;
  readonly position: LanePosition;
  readonly done: boolean;
}

export interface DeliveredLanes {
  readonly lanes: readonly LaneStanding[];
  /** Whether an attempt before did not say that it ended: it may still be at work. Not in histories before 0.3.0. */
  readonly unheard?: boolean;
  /** Why they are handed back early; absent where their time was up. */
  readonly rest?: Rest;
}
