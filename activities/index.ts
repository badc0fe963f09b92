import { startAlerts, tellWebhook } from './alerts.ts';
import { beginRun, finishRun } from './beginRun.ts';
import { deliverLanes } from './deliverLanes.ts';
import type { ActivityDeps } from './deps.ts';
import { discreet } from './discreet.ts';
import { extractRows } from './extractRows.ts';
import { isAwaited } from './attempt.ts';
import { explained } from './failures.ts';
import { previewRows } from './previewRows.ts';
import { findImport, writeImports } from '../storage/importSegments.ts';
import { cancelRun, removeRuns } from './runs.ts';
import { applySchedule, healSchedule, removeSchedule, viewSchedule } from './schedule.ts';
import { settleRun } from './settleRun.ts';
import { stageFailed } from './stageFailed.ts';
import { findCopy, saveCopy, takeOver } from './state.ts';
import { sweepStorage } from './sweepStorage.ts';
import { testConnection } from './testConnection.ts';
import { findUsers } from './users.ts';
import type {
  AlertActivities,
  ControlActivities,
  DeliverActivities,
  ExtractActivities,
  StorageActivities,
} from './types.ts';

/** The activities of a worker, by the kind of task queue that they are answered on. */
export interface Activities {
  readonly control: ControlActivities;
  readonly alert: AlertActivities;
  readonly storage: StorageActivities;
  readonly extract: ExtractActivities;
  readonly deliver: DeliverActivities;
}

export function createActivities(deps: ActivityDeps): Activities {
  const { storage, settings, taskQueue, redact } = deps;
  return {
    control: discreet<ControlActivities>(
      {
        takeOver: (input) => explained(() => takeOver(storage, taskQueue, input)),
        applySchedule: (input) => explained(() => applySchedule(input, taskQueue)),
        healSchedule: ({ definition, createdAt }) =>
          explained(() => healSchedule(definition, createdAt, taskQueue)),
        viewSchedule: (sync) => explained(() => viewSchedule(sync)),
        startAlerts: (alerts) => explained(() => startAlerts(alerts, taskQueue)),
        removeSchedule: (sync) => explained(() => removeSchedule(sync)),
        beginRun: (input) => beginRun(input, settings, taskQueue),
        finishRun: (input) => explained(() => finishRun(input, taskQueue)),
        cancelRun: (run) => explained(() => cancelRun(run)),
        findUsers: (input) => explained(() => findUsers(storage, taskQueue, input)),
        makeTunnelKey: (integration) => explained(() => deps.makeTunnelKey(integration)),
        testConnection: (input) => explained(() => testConnection(input, deps)),
        searchAttributes: () => deps.searchAttributes(),
        preview: (input) => explained(() => previewRows(input, deps)),
      },
      redact,
    ),
    alert: discreet<AlertActivities>(
      { tellWebhook: (input) => explained(() => tellWebhook(input, deps)) },
      redact,
    ),
    storage: discreet<StorageActivities>(
      {
        findCopy: (input) => explained(() => findCopy(storage, input)),
        saveCopy: (input) => explained(() => saveCopy(storage, input, isAwaited)),
        settleRun: (input) => explained(() => settleRun(deps, input)),
        findImport: ({ sync, run }) => explained(() => findImport(storage, sync, run)),
        archiveImports: ({ sync, imports }) => explained(() => writeImports(storage, sync, imports)),
        removeRuns: (sync) => explained(() => removeRuns(storage, sync)),
        sweepStorage: () => explained(() => sweepStorage(deps)),
        beThere: () => Promise.resolve(),
      },
      redact,
    ),
    extract: discreet<ExtractActivities>(
      {
        extractRows: (input) => extractRows(input, deps),
        stageFailed: (input) => stageFailed(input, deps),
      },
      redact,
    ),
    deliver: discreet<DeliverActivities>({ deliverLanes: (input) => deliverLanes(input, deps) }, redact),
  };
}
