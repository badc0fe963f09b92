import type { ScheduleSummary } from '@temporalio/client';
import { RowcastError } from '../errors.ts';
import { latestCopy, newestCopies } from '../storage/copies.ts';
import type { Storage } from '../storage/storage.ts';
import { scheduleId } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import { isTombstone } from '../workflows/messages.ts';
import type { SyncState } from '../workflows/messages.ts';
import type { Log } from './log.ts';

/*
 * What is to be watched of syncs though nothing happens to them: when they last succeeded, on whichever worker that
 * was, and whether and how often they are to run. All syncs of the worker's storage are looked at, from its start on.
 */

/** Times are Unix seconds. */
export interface SyncGauges {
  lastSuccess(sync: string, at: number): void;
  enabled(sync: string, isEnabled: boolean): void;
  interval(sync: string, seconds: number): void;
}

type Scheduled = Pick<ScheduleSummary, 'scheduleId' | 'state'> & {
  readonly info: Pick<ScheduleSummary['info'], 'nextActionTimes'>;
};

export interface WatchOptions {
  readonly storage: Storage;
  /** All Schedules that there are. */
  readonly schedules: () => AsyncIterable<Scheduled>;
  readonly gauges: SyncGauges;
  readonly log: Pick<Log, 'warn'>;
}

/** A look costs a listing of the copies of state, one of the Schedules, and a copy for each sync that changed. */
const LOOK_EVERY_MS = 60_000;

/** Looks now, and each minute until it is disposed of. */
export function watchSyncs(options: WatchOptions): Disposable {
  const watch = new SyncWatch(options);
  // Where the storage or Temporal does not answer, all stays as it was known, and others say so.
  const look = () => void watch.look().catch(() => undefined);
  look();
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export class SyncWatch {
  readonly #options: WatchOptions;
  /** For each sync the copy of its state that was looked at; null where that says that it was deleted. */
  readonly #seen = new Map<string, { readonly copy: string; readonly exists: boolean }>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    const { storage, schedules, gauges } = this.#options;
    for (const [sync, copy] of await newestCopies(storage, 'sync')) {
      const seen = this.#seen.get(sync);
      if (seen?.copy === copy) continue;
      const exists = await this.#read(sync).catch((error: unknown) => this.#unread(sync, copy, error));
      this.#seen.set(sync, { copy, exists: exists ?? seen?.exists ?? true });
    }
    const scheduled = new Map<string, Scheduled>();
    for await (const schedule of schedules()) scheduled.set(schedule.scheduleId, schedule);
    for (const [sync, { exists }] of this.#seen) {
      const schedule = exists ? scheduled.get(scheduleId(sync)) : undefined;
      gauges.enabled(sync, schedule !== undefined && !schedule.state.paused);
      const seconds = longestInterval(schedule?.info.nextActionTimes ?? []);
      if (seconds !== null) gauges.interval(sync, seconds);
    }
  }

  /** Whether there is such a sync. */
  async #read(sync: string): Promise<boolean> {
    const { storage, gauges } = this.#options;
    const copy = await latestCopy(storage, 'sync', sync);
    if (copy === null || isTombstone(copy.state)) return false;
    gauges.lastSuccess(sync, lastSuccess(copy.state as SyncState));
    return true;
  }

  /** A copy that is damaged leaves what is known as it is. @throws where the storage does not answer. */
  #unread(sync: string, copy: string, error: unknown): null {
    if (error instanceof RowcastError && error.retryable) throw error;
    const why = error instanceof RowcastError ? error.message : `The copy ${copy} holds no sync.`;
    this.#options.log.warn(`The last success of the sync ${sync} may be out of date in metrics: ${why}`, {
      code: 'storage_corrupt',
      sync,
    });
    return null;
  }
}

/** Of a sync that never succeeded it is when it was created. */
function lastSuccess({ imports, outgoing = [], lastSyncTime, createdAt }: SyncState): number {
  const record = [...outgoing, ...imports].findLast(isSuccess);
  if (record !== undefined) return Date.parse(record.endedAt ?? '') / 1_000;
  return lastSyncTime > 0 ? lastSyncTime : Date.parse(createdAt) / 1_000;
}

/** Whether a run covered its window; one that only sent failed rows again did not. */
export function isSuccess({ outcome, trigger, endedAt }: ImportRecord): boolean {
  const isCovered = outcome === 'succeeded' || outcome === 'succeeded_with_errors';
  return isCovered && trigger !== 'retry' && endedAt !== null;
}

/** The longest time between the next runs, in seconds; null where too little is known. */
function longestInterval(times: readonly Date[]): number | null {
  const between = times.slice(1).map((time, index) => time.getTime() - (times[index]?.getTime() ?? 0));
  return between.length === 0 ? null : Math.max(...between) / 1_000;
}
