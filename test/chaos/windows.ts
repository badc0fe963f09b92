import { decodeTime } from 'ulid';
import type { ImportRecord } from '../../client/index.ts';
import { BUFFER_SECONDS } from './syncs.ts';
import type { Arrival, Truth } from './truth.ts';

/** What a sync covered in one go, whatever number of runs it took: the calls of it, and the run that covered it. */
export interface Covered {
  /** In whole Unix seconds: what `{{last_sync_time}}` was, and what it became; null where no run covered it. */
  readonly since: number;
  readonly until: number | null;
  /** When it was first tried to be covered, in milliseconds since 1970; null where its calls do not say. */
  readonly firstAttemptMs: number | null;
  /** The run that covered it; null where none did, because the sync was reset or deleted meanwhile. */
  readonly success: ImportRecord | null;
  readonly arrivals: readonly Arrival[];
}

export const hasSucceeded = ({ outcome }: ImportRecord) =>
  outcome === 'succeeded' || outcome === 'succeeded_with_errors';

export const endMs = ({ endedAt }: ImportRecord) => Date.parse(endedAt ?? '');

/**
 * Sorts the calls of a sync into windows: a call says what its window's `since` was, and its messageId when the
 * window was first tried.
 */
export function windowsOf(truth: Truth): Covered[] {
  return truth.plan.byColumns ? buffered(truth) : told(truth);
}

/** The same calls belong to every window that reaches back to them. */
function buffered({ imports, arrivals }: Truth): Covered[] {
  return imports.filter(hasSucceeded).map((success) => {
    const { until, since } = success;
    return { since: (since ?? 0) - BUFFER_SECONDS, until, firstAttemptMs: null, success, arrivals };
  });
}

function told(truth: Truth): Covered[] {
  const groups = new Map<string, Arrival[]>();
  for (const arrival of truth.arrivals) {
    const key = `${arrival.since} ${decodeTime(arrival.messageId)}`;
    groups.set(key, [...(groups.get(key) ?? []), arrival]);
  }
  const open = [...groups.values()].map((arrivals) => ({
    since: arrivals[0]?.since ?? 0,
    firstAttemptMs: decodeTime(arrivals[0]?.messageId ?? ''),
    arrivals,
  }));
  const covered = truth.imports.filter(hasSucceeded).map((success): Covered => {
    // Where the sync was reset, windows with the same start may have been given up: the newest is the one.
    const ours = open
      .filter(({ since, firstAttemptMs }) => since === success.since && firstAttemptMs <= endMs(success))
      .sort((left, right) => right.firstAttemptMs - left.firstAttemptMs)[0];
    if (ours !== undefined) open.splice(open.indexOf(ours), 1);
    const { since, until } = success;
    const { firstAttemptMs = null, arrivals = [] } = ours ?? {};
    return { since: since ?? 0, until, firstAttemptMs, success, arrivals };
  });
  return [...covered, ...open.map((given) => ({ ...given, until: null, success: null }))];
}
