import { keepMs } from '../definitions/keepMs.ts';
import type { ImportRecord } from './contract.ts';
import type { SyncState } from './messages.ts';

/* What a retry does to the import of the run whose failed rows it sends again: pure functions. */

/** Why the failed rows of a run cannot be sent again, in a sentence; null where they can. */
export function whyNotRetried({ run, outcome, trigger, failed, ...record }: ImportRecord): string | null {
  if (record.retryOf !== undefined || trigger === 'retry') {
    const of = record.retryOf === undefined ? 'that it retried' : record.retryOf;
    return `The run ${run} was a retry itself; its failed rows belong to the run ${of}, which is the one to retry.`;
  }
  switch (outcome) {
    case 'running':
      return `The run ${run} is still under way; retry its failed rows once it has ended.`;
    case 'skipped':
      return `The run ${run} was skipped and read no row; there is nothing to retry.`;
    case 'failed':
    case 'cancelled':
      return `The run ${run} did not cover its window, which repeats with the next run, these rows with it; there is nothing to retry. Start one with \`rowcast sync run ${record.sync}\`.`;
    case 'succeeded':
    case 'succeeded_with_errors':
      return (failed ?? 0) > 0
        ? null
        : `No row of the run ${run} is left that failed; there is nothing to retry.`;
  }
}

/** The import of a run once some of its failed rows were delivered by another one. */
function afterRetry(original: ImportRecord, retry: ImportRecord): ImportRecord {
  const delivered = retry.delivered ?? 0;
  const failed = (original.failed ?? 0) - delivered;
  return {
    ...original,
    outcome: failed === 0 ? 'succeeded' : 'succeeded_with_errors',
    delivered: (original.delivered ?? 0) + delivered,
    failed,
    retried: { by: retry.run, at: retry.startedAt, times: (original.retried?.times ?? 0) + 1 },
  };
}

/**
 * A sync's imports once a retry was recorded. One that is not among the newest any more goes to storage once more: what
 * lists imports takes the one that was retried more often.
 */
export function withRetried(
  { imports, outgoing = [], definition }: Pick<SyncState, 'imports' | 'outgoing' | 'definition'>,
  original: ImportRecord,
  retry: ImportRecord,
): Pick<SyncState, 'imports' | 'outgoing'> {
  const isOriginal = ({ run }: ImportRecord) => run === original.run;
  const held = imports.find(isOriginal);
  if (held !== undefined) {
    const changed = afterRetry(held, retry);
    return { imports: imports.map((record) => (isOriginal(record) ? changed : record)), outgoing };
  }
  const known = outgoing.findLast(isOriginal) ?? original;
  const keepsNone = keepMs(definition.keep, 'imports') === 0;
  return { imports, outgoing: keepsNone ? outgoing : [...outgoing, afterRetry(known, retry)] };
}
