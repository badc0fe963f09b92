import { parseRunName } from '../workflows/contract.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { asItIs, importOf } from './importRecords.ts';
import { pause } from './pause.ts';
import { unlessGone } from './unlessGone.ts';

const POLL_MS = 300;

/** A run ends within a heartbeat time-out and a request's, but not while no worker is there to end it. */
const ENDS_WITHIN_MS = 75_000;

/**
 * Asks a run to stop, and waits until it has: its statement is stopped on the server, its requests are given up, its
 * window stays. Answers its import as it is then, still `running` where no worker ended it in time.
 */
export async function cancelRun(
  context: ClientContext,
  record: ImportRecord,
  signal?: AbortSignal,
): Promise<ImportRecord> {
  const { workflowId = record.run, firstExecutionRunId } = parseRunName(record.run) ?? {};
  const handle = context.client.workflow.getHandle(workflowId, undefined, {
    ...(firstExecutionRunId === undefined ? {} : { firstExecutionRunId }),
  });
  // It may have ended by itself.
  await context.askWorker(() => handle.cancel(), signal).catch(unlessGone);
  const untilMs = Date.now() + ENDS_WITHIN_MS;
  for (;;) {
    const now = await asItIs(context, (await importOf(context, record, signal)) ?? record, signal);
    if (now.outcome !== 'running' || Date.now() > untilMs) return now;
    await pause(POLL_MS, signal);
  }
}
