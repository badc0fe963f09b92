import type { WorkflowExecutionDescription } from '@temporalio/client';
import { MESSAGES, parseRunName, runName } from '../workflows/contract.ts';
import type { LaneCounts, RunProgress, RunStage, RunStanding } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { Rate } from './rate.ts';
import { syncOfRun } from './syncOfRun.ts';
import { unlessGone } from './unlessGone.ts';

/** How far a run is. Counts only grow while it is watched; what is not known is null. */
export interface Progress {
  readonly run: string;
  readonly sync: string | null;
  readonly running: boolean;
  /** Null where it has not begun yet, or has ended. */
  readonly stage: RunStage | null;
  /** Rows read so far; once it delivers, all rows of the query. */
  readonly rows: number | null;
  /** How many of them have been read again, by an attempt that follows one that broke off; null where that one had read fewer. */
  readonly reread: number | null;
  /** Calls delivered so far. */
  readonly delivered: number | null;
  /** Rows that failed so far: that could not become calls, or that the destination did not take. */
  readonly failed: number | null;
  /** Rows a second over the last 15 seconds: read, or else delivered and failed. */
  readonly rate: number | null;
  /** In how many whole seconds, at this rate, everything is delivered; while it reads nobody knows. */
  readonly secondsLeft: number | null;
  /** What its activities are waiting for after a failure, in the failure's own words, or what troubles them now. */
  readonly trouble: string | null;
}

/** Whether a run is under way, by Temporal's own word. One that Temporal no longer keeps has ended. */
export async function isRunning(context: ClientContext, run: string, signal?: AbortSignal): Promise<boolean> {
  const described = await describe(context, { run }, signal);
  return described !== null && isUnderWay(described, run);
}

/** A run by its name or workflow id; `runId`: that execution of it. */
export interface WatchedRun {
  readonly run: string;
  readonly runId?: string;
}

async function describe(
  context: ClientContext,
  { run, runId }: WatchedRun,
  signal?: AbortSignal,
): Promise<WorkflowExecutionDescription | null> {
  const handle = context.client.workflow.getHandle(parseRunName(run)?.workflowId ?? run, runId);
  return context.ask(() => handle.describe(), signal).catch(unlessGone);
}

function isUnderWay({ status, raw }: WorkflowExecutionDescription, run: string): boolean {
  const name = parseRunName(run);
  const isThisRun = name === null || raw.workflowExecutionInfo?.firstRunId === name.firstExecutionRunId;
  return status.name === 'RUNNING' && isThisRun;
}

function nameOf(described: WorkflowExecutionDescription): Pick<Progress, 'run' | 'sync'> {
  const { workflowId, runId, raw } = described;
  const first = raw.workflowExecutionInfo?.firstRunId ?? runId;
  return { run: runName(workflowId, first), sync: syncOfRun(described) };
}

/** How long a run's workflow may take to answer, in milliseconds: where no worker is there it does not. */
const ANSWER_MS = 2_000;

/**
 * Reads how far a run is, again and again: what its workflow knows, and beyond it what its activities heartbeat. What
 * was seen once stays, so that a worker that dies takes nothing back.
 */
export class RunWatcher {
  readonly #context: ClientContext;
  readonly #watched: WatchedRun;
  #standing: RunStanding | null = null;
  /** The length of the history when the workflow was asked: it knows nothing new until that grows. */
  #askedAt = -1;
  readonly #lanes = new Map<number, LaneCounts>();
  #read = { rows: 0, failed: 0 };
  readonly #rates = { reading: new Rate(), delivering: new Rate() };

  constructor(context: ClientContext, watched: WatchedRun) {
    this.#context = context;
    this.#watched = watched;
  }

  /** @throws RowcastError; the signal's reason. */
  async next(signal?: AbortSignal): Promise<Progress> {
    const described = await describe(this.#context, this.#watched, signal);
    if (described === null || !isUnderWay(described, this.#watched.run)) return this.#ended(described);
    await this.#ask(described, signal);
    const activities = described.raw.pendingActivities ?? [];
    const beats = activities.flatMap(({ heartbeatDetails }) =>
      decoded(heartbeatDetails?.payloads?.[0]?.data),
    );
    const trouble = [
      ...activities.map(({ lastFailure }) => lastFailure?.message),
      ...beats.map((beat) => (beat.stage === 'deliver' ? beat.trouble : null)),
    ].find((words) => Boolean(words));
    return {
      ...nameOf(described),
      running: true,
      ...this.#counted(beats),
      trouble: trouble ?? null,
    };
  }

  #ended(described: WorkflowExecutionDescription | null): Progress {
    return {
      ...(described === null ? { run: this.#watched.run, sync: null } : nameOf(described)),
      running: false,
      stage: null,
      ...{ rows: null, reread: null, delivered: null, failed: null },
      ...{ rate: null, secondsLeft: null, trouble: null },
    };
  }

  /** Asks the workflow where it may have something new to say; what it said before holds where it does not answer. */
  async #ask({ workflowId, runId, historyLength }: WorkflowExecutionDescription, signal?: AbortSignal) {
    if (historyLength === this.#askedAt) return;
    const { client, connection } = this.#context;
    const query = () => client.workflow.getHandle(workflowId, runId).query<RunStanding>(MESSAGES.progress);
    try {
      const inTime = () => connection.withDeadline(Date.now() + ANSWER_MS, query);
      this.#standing = await this.#context.ask(inTime, signal);
      this.#askedAt = historyLength;
    } catch {
      signal?.throwIfAborted();
    }
  }

  #counted(beats: readonly RunProgress[]): Omit<Progress, 'run' | 'sync' | 'running' | 'trouble'> {
    this.#standing?.lanes.forEach((counts, lane) => this.#see(lane, counts));
    const extract = beats.find((beat) => beat.stage === 'extract');
    const delivering = beats.filter((beat) => beat.stage === 'deliver');
    for (const { lane, position } of delivering.flatMap(({ lanes }) => lanes)) this.#see(lane, position);
    const stage = delivering.length > 0 ? 'delivering' : (this.#standing?.stage ?? null);
    const all = this.#standing?.rows ?? null;
    if (all === null && delivering.length === 0) return this.#reading(stage, extract);
    const lanes = [...this.#lanes.values()];
    const delivered = lanes.reduce((sum, lane) => sum + lane.delivered, 0);
    const failed = lanes.reduce((sum, lane) => sum + lane.failed, this.#standing?.failed ?? 0);
    const rate = this.#rates.delivering.add(delivered + failed, performance.now());
    const left = all === null ? null : all - delivered - failed;
    return {
      stage,
      rows: all,
      reread: null,
      delivered,
      failed,
      rate: stage === 'delivering' ? rate : null,
      secondsLeft: left === null || !rate || stage !== 'delivering' ? null : Math.ceil(left / rate),
    };
  }

  #see(lane: number, { delivered, failed }: LaneCounts): void {
    const before = this.#lanes.get(lane);
    if (before === undefined || delivered + failed > before.delivered + before.failed) {
      this.#lanes.set(lane, { delivered, failed });
    }
  }

  #reading(stage: RunStage | null, beat: Extract<RunProgress, { stage: 'extract' }> | undefined) {
    const unknown = { reread: null, delivered: null, rate: null, secondsLeft: null };
    if (beat === undefined) return { ...unknown, stage, rows: null, failed: null };
    const { rows, failed = 0, furthest = 0 } = beat;
    const most = Math.max(rows, furthest, this.#read.rows);
    this.#read = { rows: most, failed: Math.max(failed, this.#read.failed) };
    return {
      ...unknown,
      stage: 'reading' as const,
      rows: most,
      reread: rows < most ? rows : null,
      failed: this.#read.failed,
      rate: this.#rates.reading.add(rows, performance.now()),
    };
  }
}

function decoded(data: Uint8Array | null | undefined): RunProgress[] {
  if (data === null || data === undefined) return [];
  const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
  return value !== null && typeof value === 'object' && 'stage' in value ? [value as RunProgress] : [];
}
