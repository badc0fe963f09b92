import protocol from '@temporalio/proto';
import type { ImportRecord } from '../client/index.ts';
import { parseRunName } from '../workflows/contract.ts';
import type { EngineFigures } from './contestants/contestant.ts';
import type { Engine } from './engine.ts';

/** What the history of a run says, and when its workflow ended, in milliseconds since 1970. */
interface RunHistory {
  readonly endedMs: number;
  readonly figures: Omit<EngineFigures, 'stagedBytes' | 'serverCpuMs'>;
}

/** What the history of a run says: its size, and how long its activities took. */
export async function historyOf(
  { temporal }: Pick<Engine, 'temporal'>,
  { run, until }: Pick<ImportRecord, 'run' | 'until'>,
): Promise<RunHistory> {
  const workflowId = parseRunName(run)?.workflowId ?? '';
  const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const events = history.events ?? [];
  const spans = { extractRows: [Infinity, -Infinity], deliverLanes: [Infinity, -Infinity] } as Record<
    string,
    [number, number]
  >;
  const typeOf = new Map<string, string>();
  for (const event of events) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started } =
      event;
    if (scheduled) typeOf.set(String(event.eventId), scheduled.activityType?.name ?? '');
    const scheduledId =
      started?.scheduledEventId ?? event.activityTaskCompletedEventAttributes?.scheduledEventId;
    const span = spans[typeOf.get(String(scheduledId)) ?? ''];
    if (span === undefined) continue;
    const ms = timeOf(event);
    span[0] = Math.min(span[0], ms);
    span[1] = Math.max(span[1], ms);
  }
  const [extract, deliver] = [spans['extractRows'], spans['deliverLanes']] as [
    [number, number],
    [number, number],
  ];
  // The query begins only once the second is over that is the window's last one.
  const waitMs = Math.max(0, ((until ?? NaN) + 1) * 1_000 - extract[0]);
  const figures = {
    events: events.length,
    historyBytes: protocol.temporal.api.history.v1.History.encode(history).finish().length,
    activities: typeOf.size,
    waitMs,
    extractMs: extract[1] - extract[0] - waitMs,
    deliverMs: Math.max(0, deliver[1] - deliver[0]),
  };
  return { endedMs: Math.max(...events.map(timeOf)), figures };
}

function timeOf({ eventTime }: protocol.temporal.api.history.v1.IHistoryEvent): number {
  return Number(eventTime?.seconds) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
}
