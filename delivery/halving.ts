import type { StagedCall } from '../storage/calls.ts';
import type { Batch } from './batch.ts';
import type { Sender } from './sender.ts';

/** A call that the destination will never take, and why. */
export interface CallFailure {
  readonly call: StagedCall;
  readonly code: 'refused_by_destination' | 'call_too_large';
  readonly message: string;
}

/** What became of calls: each of them is in one of the two. */
export interface Settled {
  readonly accepted: readonly StagedCall[];
  readonly failures: readonly CallFailure[];
}

/**
 * Sends a batch until each of its calls is accepted or stands refused alone.
 *
 * A batch that is refused is halved, the left half first, so that calls keep their order. Where the destination
 * took some calls and does not say which, halves are sent again as well: ids make it safe.
 *
 * @param refusalsMax gives up once so many calls are refused and none is accepted: then only the calls up to
 *   there are settled.
 * @throws RowcastError of the destination; the reason of the signal.
 */
export async function settleBatch(
  { calls }: Batch,
  sender: Sender,
  signal: AbortSignal,
  refusalsMax = Infinity,
): Promise<Settled> {
  const verdict = await sender.send({ calls }, signal);
  if (verdict.kind === 'accepted') return { accepted: calls, failures: [] };
  if (verdict.kind === 'partial' && verdict.failed !== null) return sorted(calls, verdict.failed);
  const [only, second] = calls;
  if (only === undefined || second === undefined) {
    return { accepted: [], failures: only === undefined ? [] : [refused(only, verdict.words)] };
  }
  const middle = calls.length >> 1;
  const left = await settleBatch({ calls: calls.slice(0, middle) }, sender, signal, refusalsMax);
  const refusalsLeft = left.accepted.length > 0 ? Infinity : refusalsMax - left.failures.length;
  if (refusalsLeft <= 0) return left;
  const right = await settleBatch({ calls: calls.slice(middle) }, sender, signal, refusalsLeft);
  return {
    accepted: [...left.accepted, ...right.accepted],
    failures: [...left.failures, ...right.failures],
  };
}

function sorted(calls: readonly StagedCall[], failed: readonly { index: number; words: string }[]): Settled {
  const words = new Map(failed.map((failure) => [failure.index, failure.words]));
  return {
    accepted: calls.filter((_call, index) => !words.has(index)),
    failures: calls.flatMap((call, index) => {
      const said = words.get(index);
      return said === undefined ? [] : [refused(call, said)];
    }),
  };
}

function refused(call: StagedCall, words: string): CallFailure {
  return {
    call,
    code: 'refused_by_destination',
    message: `The destination refused the call. It says: ${words}`,
  };
}
