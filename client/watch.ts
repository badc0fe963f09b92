import { WORKFLOWS } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { pause } from './pause.ts';
import { RunWatcher } from './progress.ts';
import type { Progress } from './progress.ts';
import { unlessGone } from './unlessGone.ts';

const WATCH_MS = 500;

/** How often all runs are looked for. */
const WATCH_ALL_MS = 1_000;

/** How far a run among others is. */
export interface WatchedImport extends Progress {
  /** What became of it, once it has ended; null before, and where its sync was deleted meanwhile. */
  readonly ended: ImportRecord | null;
}

/** How far a run is, again and again until it ends. */
export async function* watchRun(
  context: ClientContext,
  run: string,
  signal?: AbortSignal,
): AsyncGenerator<Progress> {
  const watcher = new RunWatcher(context, { run });
  for (;;) {
    const progress = await watcher.next(signal);
    yield progress;
    if (!progress.running) return;
    await pause(WATCH_MS, signal);
  }
}

/** How far all runs are, again and again: see `Imports.watchAll`. @param importOf the import of a run. */
export async function* watchAll(
  context: ClientContext,
  importOf: (run: string, signal?: AbortSignal) => Promise<ImportRecord>,
  signal?: AbortSignal,
): AsyncGenerator<readonly WatchedImport[]> {
  const watchers = new Map<string, RunWatcher>();
  let ended = new Set<string>();
  for (;;) {
    const listed = await runningNow(context, signal);
    // The list lags behind: what has ended may stand in it a little longer.
    ended = new Set([...ended].filter((runId) => listed.has(runId)));
    for (const [runId, run] of listed) {
      if (!ended.has(runId) && !watchers.has(runId))
        watchers.set(runId, new RunWatcher(context, { run, runId }));
    }
    const seen = await Promise.all(
      [...watchers].map(async ([runId, watcher]) => ({ runId, progress: await watcher.next(signal) })),
    );
    const all = seen.map(async ({ runId, progress }): Promise<WatchedImport> => {
      if (progress.running) return { ...progress, ended: null };
      watchers.delete(runId);
      ended.add(runId);
      return { ...progress, ended: await importOf(progress.run, signal).catch(unlessGone) };
    });
    yield await Promise.all(all);
    await pause(WATCH_ALL_MS, signal);
  }
}

/** The workflow ids of the runs under way by the ids of their executions, those that began first coming first. */
async function runningNow(context: ClientContext, signal?: AbortSignal): Promise<Map<string, string>> {
  const query = `WorkflowType IN ('${WORKFLOWS.syncRun}', '${WORKFLOWS.retryRun}') AND ExecutionStatus = 'Running' AND TaskQueue = '${context.taskQueue}'`;
  const found = await context.ask(() => Array.fromAsync(context.client.workflow.list({ query })), signal);
  return new Map(found.reverse().map(({ runId, workflowId }) => [runId, workflowId]));
}
