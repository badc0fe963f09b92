import type { FinishRunRequest, Tombstone } from './messages.ts';

/** What became of a run, in one sentence for the Temporal Web UI. */
export function sentenceOf(result: Omit<FinishRunRequest, 'skippedAfter'>): string {
  const { rows, delivered, failed } = result;
  const counts = `${number(rows ?? 0)} rows read, ${number(delivered ?? 0)} delivered, ${number(failed ?? 0)} failed`;
  switch (result.outcome) {
    case 'succeeded':
      return `Succeeded: ${counts}.`;
    case 'succeeded_with_errors':
      return `Succeeded with errors: ${counts}. See \`rowcast import errors\`.`;
    case 'cancelled':
      return `Cancelled: ${counts}. ${result.error ?? ''}`.trimEnd();
    case 'failed':
      return `Failed: ${result.error ?? ''} (${counts})`;
  }
}

/** What became of a run that could not say so itself. @param isRetry whether it sent failed rows of another run again */
export function lostWords(isRetry: boolean): string {
  const next = isRetry
    ? 'Its rows are still listed with the run that it retried; retry that again.'
    : 'Its window repeats with the next run, under the same messageIds.';
  return `The run ended without closing its books: it was terminated, or Temporal lost it. ${next}`;
}

/** A number for people, with thousands separated. */
export const number = (value: number) => value.toLocaleString('en-US');

/** Which rows a run reads. @param since whole Unix seconds. */
export function windowWords(since: number): string {
  if (since === 0) return 'Reading everything: this is the first run, or the sync was reset.';
  return `Reading what changed since ${new Date(since * 1_000).toISOString()} (last_sync_time ${since}).`;
}

/** Said where a name is used again. */
export function deletedNotice(name: string, tombstone: Tombstone | null): string[] {
  if (tombstone === null) return [];
  return [
    `A sync ${name} was deleted at ${tombstone.deletedAt}; this one starts anew, with last_sync_time 0.`,
  ];
}

/** Said where a query changed: what it found before is not sent again. @param lastSyncTime whole Unix seconds. */
export function queryNotice(changed: readonly string[], lastSyncTime: number): string[] {
  if (!changed.includes('query') || lastSyncTime === 0) return [];
  const when = new Date(lastSyncTime * 1_000).toISOString();
  return [
    `The query changed; last_sync_time stays ${lastSyncTime} (${when}), so rows that did not change since are not sent again.`,
  ];
}
