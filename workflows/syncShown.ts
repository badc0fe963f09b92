import { setCurrentDetails } from '@temporalio/workflow';
import { troublesText } from './alertWords.ts';
import type { SyncState } from './messages.ts';
import { noteSearchAttributes } from './searchAttributes.ts';
import { number } from './words.ts';

/** Shows what a sync's state is: in its current details, and by search attributes once those are there to be had. */
export function createShow(): (state: SyncState) => Promise<void> {
  let noted = '';
  return async (state) => {
    setCurrentDetails(detailsOf(state));
    const { name, integration, type } = state.definition;
    const values = {
      RowcastSync: name,
      RowcastIntegration: integration,
      RowcastType: type,
      RowcastDestination: state.destination ?? null,
    };
    const wanted = JSON.stringify(values);
    if (wanted !== noted && (await noteSearchAttributes(values))) noted = wanted;
  };
}

/** What a sync is doing, in words for the Temporal Web UI. */
export function detailsOf({ definition, lastSyncTime, lease, imports, alerts }: SyncState): string {
  const last = imports.at(-1);
  const counts = `${number(last?.rows ?? 0)} rows read, ${number(last?.delivered ?? 0)} delivered, ${number(last?.failed ?? 0)} failed`;
  return [
    ...(definition.title === undefined ? [] : [`**${definition.title}**`]),
    `last_sync_time: ${lastSyncTime} (${new Date(lastSyncTime * 1_000).toISOString()})`,
    `Running: ${lease?.record.run ?? 'no'}`,
    ...troublesText(alerts?.troubles ?? {}),
    `Last import: ${last === undefined ? 'none' : `${last.outcome}, ${counts}, ended ${last.endedAt ?? ''}`}`,
  ].join('\n\n');
}
