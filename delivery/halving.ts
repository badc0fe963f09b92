import type { StagedCall, StagedCalls } from '../storage/stagedCalls.ts';
import type { Sender } from './sender.ts';

/** A call that the destination will never take, and why. */
export interface CallFailure {
  readonly call: StagedCall;
  readonly code: 'refused_by_destination' | 'call_too_large';
  readonly message: string;
}

/** What became of calls: each of them is in one of the two. */
export interface Settled {
  /** In order; neighbours are together. */
  readonly accepted: readonly StagedCalls[];
  readonly failures: readonly CallFailure[];
}

/** How many calls are accepted. */
export function acceptedOf({ accepted }: Pick<Settled, 'accepted'>): number {
  return accepted.reduce((sum, { count }) => sum + count, 0);
}

/**
 * Sends calls as a batch until each of them is accepted or stands refused alone.
 *
 * A batch that is refused is halved, the left half first, so that calls keep their order. Where the destination
 * took some calls and does not say which, halves are sent again as well: ids make it safe.
 *
 * @param refusalsMax gives up once so many calls are refused and none is accepted: then only the calls up to
 *   there are settled.
 * @throws RowcastError of the destination; the reason of the signal.
 */
export async function settleBatch(
  calls: StagedCalls,
  sender: Sender,
  signal: AbortSignal,
  refusalsMax = Infinity,
): Promise<Settled> {
  const verdict = await sender.send(calls, signal);
  if (verdict.kind === 'accepted') return { accepted: [calls], failures: [] };
  if (verdict.kind === 'partial' && verdict.failed !== null) return sorted(calls, verdict.failed);
  if (calls.count <= 1) {
    return { accepted: [], failures: [...calls].map((only) => refused(only, verdict.words)) };
  }
  const middle = calls.count >> 1;
  const left = await settleBatch(calls.slice(0, middle), sender, signal, refusalsMax);
  const refusalsLeft = acceptedOf(left) > 0 ? Infinity : refusalsMax - left.failures.length;
  if (refusalsLeft <= 0) return left;
  const right = await settleBatch(calls.slice(middle), sender, signal, refusalsLeft);
  return {
    accepted: [...left.accepted, ...right.accepted],
    failures: [...left.failures, ...right.failures],
  };
}

function sorted(calls: StagedCalls, failed: readonly { index: number; words: string }[]): Settled {
  const words = [...new Map(failed.map((failure) => [failure.index, failure.words]))].sort(
    ([one], [other]) => one - other,
  );
  const ends = [...words.map(([index]) => index), calls.count];
  const begins = [0, ...words.map(([index]) => index + 1)];
  return {
    accepted: begins.map((begin, at) => calls.slice(begin, ends[at])).filter(({ count }) => count > 0),
    failures: words.map(([index, said]) => refused(calls.at(index), said)),
  };
}

function refused(call: StagedCall, words: string): CallFailure {
  return {
    call,
    code: 'refused_by_destination',
    message: `The destination refused the call. It says: ${words}`,
  };
}
