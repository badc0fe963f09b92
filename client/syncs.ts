import type { ScheduleDescription } from '@temporalio/client';
import { durationMs } from '../definitions/durationMs.ts';
import { describeTiming, wordsOf } from '../definitions/schedule.ts';
import { SyncDefinition } from '../definitions/sync.ts';
import type { SyncInput } from '../definitions/sync.ts';
import { RowcastError } from '../errors.ts';
import { MESSAGES, scheduleId, syncWorkflowId, WORKFLOWS } from '../workflows/contract.ts';
import type { ApplyAnswer, ImportRecord, Outcome, SyncDescription } from '../workflows/contract.ts';
import { checked } from './checked.ts';
import { eachItem } from './context.ts';
import type { ClientContext, Page, PageRequest } from './context.ts';
import { withEnabled } from './foresee.ts';
import type { ApplyOptions } from './holders.ts';
import { asItIs } from './importRecords.ts';
import { requireExisting } from './references.ts';
import { describeSchedule } from './schedules.ts';
import { startRun } from './startRun.ts';
import type { StartedRun } from './startRun.ts';
import { unlessGone } from './unlessGone.ts';

/** A sync as a list shows it; what is unknown is null. */
export interface SyncListing {
  readonly name: string;
  readonly title: string | null;
  readonly integration: string;
  readonly type: SyncDefinition['type'];
  /** Null where the Schedule was deleted elsewhere: the sync does not run. */
  readonly enabled: boolean | null;
  readonly every: string | null;
  readonly cron: string | null;
  readonly lastRunAt: string | null;
  readonly nextRunAt: string | null;
  /** Whole Unix seconds; 0 before the first successful run. */
  readonly lastSyncTime: number;
  readonly lastOutcome: Outcome | null;
}

export interface ApplySyncOptions extends ApplyOptions {
  /** Whether the sync is to run; absent: a new one runs, an existing one stays as it is. */
  readonly enabled?: boolean;
}

/** What can be done with syncs. Every call throws `RowcastError`. */
export interface Syncs {
  update(definition: SyncInput, options?: ApplySyncOptions): Promise<ApplyAnswer>;
  get(name: string, signal?: AbortSignal): Promise<SyncDescription>;
  find(name: string, signal?: AbortSignal): Promise<SyncDescription | null>;
  /** A sync as a list shows it. */
  listing(name: string, signal?: AbortSignal): Promise<SyncListing>;
  page(request?: PageRequest): Promise<Page<SyncListing>>;
  list(signal?: AbortSignal): AsyncGenerator<SyncListing>;
  /** The next interval sends all that changed since the last sync. */
  enable(name: string, signal?: AbortSignal): Promise<void>;
  /** A run under way goes on to its end; it is answered. */
  disable(name: string, signal?: AbortSignal): Promise<ImportRecord | null>;
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
    if (found === null)
      throw new RowcastError(
        'not_found',
        `There is no sync ${JSON.stringify(name)}; \`rowcast sync list\` shows those that exist.`,
      );
    return found;
  };
  const listing = async (name: string, signal?: AbortSignal) =>
    listingOf(await get(name, signal), await describeSchedule(context, name, signal));
  const page = async (request: PageRequest = {}): Promise<Page<SyncListing>> => {
    const names = await context.listNames(WORKFLOWS.sync, syncWorkflowId(''), request);
    const items = await Promise.all(
      names.items.map((name) => listing(name, request.signal).catch(unlessGone)),
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
    update: (input, options = {}) => update(context, checked(SyncDefinition, input, 'The sync'), options),
    enable: (name, signal) => setEnabled(context, name, true, signal),
    disable: async (name, signal) => {
      await setEnabled(context, name, false, signal);
      return (await get(name, signal)).running;
    },
    run: async (name, signal) => {
      const { running } = await get(name, signal);
      return running === null ? startRun(context, name, signal) : { started: false, run: running.run };
    },
  };
}

/** A run that holds the lease may have been terminated since. */
async function withRunAsItIs(
  context: ClientContext,
  sync: SyncDescription,
  signal?: AbortSignal,
): Promise<SyncDescription> {
  if (sync.running === null) return sync;
  const record = await asItIs(context, sync.running, signal);
  return record.outcome === 'running' ? sync : { ...sync, running: null, lastImport: record };
}

async function update(
  context: ClientContext,
  definition: SyncDefinition,
  { ifRevision, enabled, signal }: ApplySyncOptions,
): Promise<ApplyAnswer> {
  const by = `the sync ${definition.name}`;
  await requireExisting(context, { kind: 'integration', name: definition.integration, by }, signal);
  const target = {
    workflowType: WORKFLOWS.sync,
    workflowId: syncWorkflowId(definition.name),
    name: definition.name,
    summary: `sync ${definition.name}: ${definition.type} from ${definition.integration}`,
  };
  const request = {
    definition,
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(enabled === undefined ? {} : { enabled }),
  };
  const before = enabled === undefined ? null : await describeSchedule(context, definition.name, signal);
  const answer = await context.updateWithStart<ApplyAnswer>(target, request, signal);
  return withEnabled(answer, before, enabled);
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
