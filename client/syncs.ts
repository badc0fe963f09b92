import type { ScheduleDescription } from '@temporalio/client';
import { durationMs } from '../definitions/durationMs.ts';
import { describeTiming, wordsOf } from '../definitions/schedule.ts';
import { SyncDefinition } from '../definitions/sync.ts';
import type { SyncInput } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import { MESSAGES, scheduleId, syncWorkflowId, WORKFLOWS } from '../workflows/contract.ts';
import type {
  ApplyAnswer,
  ImportRecord,
  Outcome,
  RemoveAnswer,
  ResetAnswer,
  SyncDescription,
} from '../workflows/contract.ts';
import { checked } from './checked.ts';
import { eachItem } from './context.ts';
import type { ClientContext, Page, PageRequest, UpdateTarget } from './context.ts';
import { withEnabled } from './foresee.ts';
import type { ApplyOptions } from './saveOptions.ts';
import { cancelRun } from './cancelRun.ts';
import { asItIs } from './importRecords.ts';
import { lostListing, missingSync, namesOfSchedulesOnly } from './lostSyncs.ts';
import { requireExisting } from './references.ts';
import { describeSchedule } from './schedules.ts';
import { startRun } from './startRun.ts';
import type { StartedRun } from './startRun.ts';
import { statusOf } from './status.ts';
import type { SyncStatus } from './status.ts';
import { unbegunRunOf } from './unbegunRun.ts';
import { unlessGone } from './unlessGone.ts';

/** A sync as a list shows it; what is unknown is null. */
export interface SyncListing {
  readonly name: string;
  /** Whether only its Schedule is left, since its workflow was terminated elsewhere. */
  readonly lost: boolean;
  readonly title: string | null;
  readonly integration: string | null;
  readonly type: SyncDefinition['type'] | null;
  /** Null where the Schedule was deleted elsewhere: the sync does not run. */
  readonly enabled: boolean | null;
  readonly every: string | null;
  readonly cron: string | null;
  readonly lastRunAt: string | null;
  readonly nextRunAt: string | null;
  /** Whole Unix seconds; 0 before the first successful run. */
  readonly lastSyncTime: number | null;
  readonly lastOutcome: Outcome | null;
}

export interface ApplySyncOptions extends ApplyOptions {
  /** Whether the sync is to run; absent: a new one runs, an existing one stays as it is. */
  readonly enabled?: boolean;
}

export interface DisableOptions {
  /** Cancels a run under way instead of letting it finish. */
  readonly now?: boolean;
  readonly signal?: AbortSignal;
}

export interface ResetOptions {
  /** What `last_sync_time` becomes, in whole Unix seconds; by default 0, and the next run sends everything. */
  readonly to?: number;
  readonly signal?: AbortSignal;
}

/** What can be done with syncs. Every call throws `RowcastError`. */
export interface Syncs {
  update(definition: SyncInput, options?: ApplySyncOptions): Promise<ApplyAnswer>;
  get(name: string, signal?: AbortSignal): Promise<SyncDescription>;
  find(name: string, signal?: AbortSignal): Promise<SyncDescription | null>;
  /** A sync as a list shows it. */
  listing(name: string, signal?: AbortSignal): Promise<SyncListing>;
  /** Those that are lost come with the last page. */
  page(request?: PageRequest): Promise<Page<SyncListing>>;
  list(signal?: AbortSignal): AsyncGenerator<SyncListing>;
  /** All syncs at a glance: how far behind each is, and what is wrong with it. */
  status(signal?: AbortSignal): AsyncGenerator<SyncStatus>;
  /** The next interval sends all that changed since the last sync. */
  enable(name: string, signal?: AbortSignal): Promise<void>;
  /** A run under way goes on to its end, or with `now` is cancelled; its import is answered as it is then. */
  disable(name: string, options?: DisableOptions): Promise<ImportRecord | null>;
  /**
   * Sets `last_sync_time`: the next run sends what changed since then, under new messageIds. A run under way goes
   * on and does not undo it.
   *
   * @throws RowcastError definition_invalid where the time lies in the future.
   */
  reset(name: string, options?: ResetOptions): Promise<ResetAnswer>;
  /** Stops a run under way and deletes the sync with its imports; the name can be used again, from 0. */
  delete(name: string, signal?: AbortSignal): Promise<RemoveAnswer>;
  /** Starts a run now, unless one is under way already. */
  run(name: string, signal?: AbortSignal): Promise<StartedRun>;
}

export function createSyncs(context: ClientContext): Syncs {
  const find = async (name: string, signal?: AbortSignal) => {
    const found = await context.query<SyncDescription>(syncWorkflowId(name), MESSAGES.describe, [], signal);
    return found === null ? null : withRunAsItIs(context, found, signal);
  };
  const get = async (name: string, signal?: AbortSignal) => {
    const found = await find(name, signal);
    if (found === null) throw missingSync(name, await describeSchedule(context, name, signal));
    return found;
  };
  /** The run under way; null where there is none. A lost sync has none, and can be paused and run all the same. */
  const runningOf = async (name: string, signal?: AbortSignal) => {
    const found = await find(name, signal);
    if (found !== null) return found.running;
    const schedule = await describeSchedule(context, name, signal);
    if (schedule === null) throw missingSync(name, schedule);
    return null;
  };
  const listing = async (name: string, signal?: AbortSignal) => {
    const found = await find(name, signal);
    const schedule = await describeSchedule(context, name, signal);
    if (found !== null) return listingOf(found, schedule);
    if (schedule === null) throw missingSync(name, schedule);
    return lostListing(name, schedule);
  };
  const page = async (request: PageRequest = {}): Promise<Page<SyncListing>> => {
    const names = await context.listNames(WORKFLOWS.sync, syncWorkflowId(''), request);
    const lost = names.nextPageToken === null ? await namesOfSchedulesOnly(context, request.signal) : [];
    const items = await Promise.all(
      [...names.items, ...lost].map((name) => listing(name, request.signal).catch(unlessGone)),
    );
    const known = items
      .filter((item) => item !== null)
      .sort((left, right) => (left.name < right.name ? -1 : 1));
    return { items: known, nextPageToken: names.nextPageToken };
  };
  return {
    find,
    get,
    listing,
    page,
    list: (signal) => eachItem(page, signal),
    async *status(signal) {
      for await (const listed of eachItem(page, signal)) yield await statusOf(context, listed, signal);
    },
    update: (input, options = {}) => update(context, checked(SyncDefinition, input, 'The sync'), options),
    enable: (name, signal) => setEnabled(context, name, true, signal),
    disable: async (name, { now = false, signal } = {}) => {
      await setEnabled(context, name, false, signal);
      try {
        const running = (await runningOf(name, signal)) ?? (await unbegunRunOf(context, name, signal));
        return running === null || !now ? running : await cancelRun(context, running, signal);
      } catch (error) {
        throw withDisabled(error, name);
      }
    },
    reset: (name, { to = 0, signal } = {}) => reset(context, name, to, signal),
    delete: (name, signal) =>
      context.updateWithStart<RemoveAnswer>(targetOf(name, MESSAGES.remove), undefined, signal),
    run: async (name, signal) => {
      const running = await runningOf(name, signal);
      return running === null ? startRun(context, name, signal) : { started: false, run: running.run };
    },
  };
}

/** Temporal alone disables; what became of a run, only a worker can say. */
function withDisabled(error: unknown, name: string): unknown {
  if (!(error instanceof RowcastError)) return error;
  const words = `${name} is disabled, but whether a run is under way is not known: ${error.message}`;
  return new RowcastError(error.code, words, { cause: error });
}

/** A run that holds the lease may have been terminated since. */
async function withRunAsItIs(
  context: ClientContext,
  sync: SyncDescription,
  signal?: AbortSignal,
): Promise<SyncDescription> {
  if (sync.running === null) return sync;
  const record = await asItIs(context, sync.running, signal);
  if (record.outcome === 'running') return sync;
  // A retry says nothing of the sync itself.
  return { ...sync, running: null, ...(record.trigger === 'retry' ? {} : { lastImport: record }) };
}

async function update(
  context: ClientContext,
  definition: SyncDefinition,
  { ifRevision, enabled, signal }: ApplySyncOptions,
): Promise<ApplyAnswer> {
  const by = `the sync ${definition.name}`;
  await requireExisting(context, { kind: 'integration', name: definition.integration, by }, signal);
  const summary = `sync ${definition.name}: ${definition.type} from ${definition.integration}`;
  const target = targetOf(definition.name, MESSAGES.apply, summary);
  const request = {
    definition,
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(enabled === undefined ? {} : { enabled }),
  };
  const before = enabled === undefined ? null : await describeSchedule(context, definition.name, signal);
  const answer = await context.updateWithStart<ApplyAnswer>(target, request, signal);
  return withEnabled(answer, before, enabled);
}

/** @param update one of MESSAGES. @param summary shown in the Temporal Web UI where the workflow is started by it. */
function targetOf(name: string, update: string, summary = `sync ${name}`): UpdateTarget {
  return { workflowType: WORKFLOWS.sync, workflowId: syncWorkflowId(name), name, summary, update };
}

async function reset(
  context: ClientContext,
  name: string,
  to: number,
  signal?: AbortSignal,
): Promise<ResetAnswer> {
  if (!Number.isSafeInteger(to) || to < 0 || to > Date.now() / 1_000)
    throw new RowcastError(
      'definition_invalid',
      `The time to reset ${name} to is ${to}; give whole Unix seconds, from 0 and not in the future, since what changes until then would never be sent.`,
    );
  return context.updateWithStart<ResetAnswer>(targetOf(name, MESSAGES.reset), { to }, signal);
}

async function setEnabled(
  context: ClientContext,
  name: string,
  enabled: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const handle = context.client.schedule.getHandle(scheduleId(name));
  await context.ask(
    () => (enabled ? handle.unpause('Enabled with Rowcast') : handle.pause('Disabled with Rowcast')),
    signal,
  );
}

/** The definition's words where the Schedule still says the same, else the Schedule's own. */
function listingOf(sync: SyncDescription, schedule: ScheduleDescription | null): SyncListing {
  const { definition, running, lastImport } = sync;
  const words = schedule === null ? {} : describeTiming(schedule.spec);
  const sameEvery =
    definition.every !== undefined && words.every === wordsOf(durationMs(definition.every) ?? 0);
  const latest = running ?? lastImport;
  return {
    name: definition.name,
    lost: false,
    title: definition.title ?? null,
    integration: definition.integration,
    type: definition.type,
    enabled: schedule === null ? null : !schedule.state.paused,
    every: (sameEvery ? definition.every : words.every) ?? null,
    cron: words.cron ?? null,
    lastRunAt: latest?.startedAt ?? null,
    nextRunAt:
      schedule?.state.paused === false ? (schedule.info.nextActionTimes[0]?.toISOString() ?? null) : null,
    lastSyncTime: sync.lastSyncTime,
    lastOutcome: latest?.outcome ?? null,
  };
}
