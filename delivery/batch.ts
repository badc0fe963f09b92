import type { StagedCalls } from '../storage/stagedCalls.ts';
import type { DestinationProfile } from './destination.ts';
import { bytesOf } from './http.ts';
import type { Body } from './http.ts';

export type BatchLimits = Pick<
  DestinationProfile,
  'callBytesMax' | 'batchBytesMax' | 'batchCallsMax' | 'sharesContext'
>;

/** Neighbouring calls that go out in one request, or a single one that is too large to be sent at all. */
export interface Group {
  readonly kind: 'batch' | 'too_large';
  readonly calls: StagedCalls;
}

const OPENING = '{';
const BATCH_KEY = '"batch":[';
const CLOSING = ']}';

/**
 * Cuts calls into batches, in order. A batch is closed before it would exceed a limit, before a call that is too large
 * and, where `context` holds for the whole of it, before a call with another one.
 */
export function* cutBatches(calls: StagedCalls, limits: BatchLimits): Generator<Group> {
  for (let first = 0; first < calls.count;) {
    const end = endOfBatch(calls, first, limits);
    if (end > first) yield { kind: 'batch', calls: calls.slice(first, end) };
    else yield { kind: 'too_large', calls: calls.slice(first, first + 1) };
    first = Math.max(end, first + 1);
  }
}

/** Where the batch ends that begins with a call; with none in it where that call is too large. */
function endOfBatch(calls: StagedCalls, first: number, limits: BatchLimits): number {
  const { callBytesMax, batchBytesMax, batchCallsMax, sharesContext } = limits;
  const last = Math.min(calls.count, first + batchCallsMax);
  let bytes = frameBytes(sharesContext ? calls.sharedBytes(first) : 0) - 1; // No comma before the first.
  for (let index = first; index < last; index += 1) {
    const alone = calls.bytes(index);
    bytes += alone + 1;
    if (alone > callBytesMax || bytes > batchBytesMax) return index;
    if (sharesContext && !calls.share(first, index)) return index;
  }
  return last;
}

function frameBytes(sharedBytes: number): number {
  return OPENING.length + sharedBytes + BATCH_KEY.length + CLOSING.length;
}

/** The body of the request that sends a batch: its calls as they lie in their chunk, and what is around them. */
export class Batch implements Body {
  readonly bytes: number;
  readonly parts: readonly Buffer[];
  readonly #calls: StagedCalls;

  /** @param calls one at least. */
  constructor(calls: StagedCalls, { sharesContext }: Pick<BatchLimits, 'sharesContext'>) {
    // What the calls share stands in front of them as well.
    const shared = sharesContext ? calls.at(0).shared.toString('utf8') : '';
    this.parts = [Buffer.from(`${OPENING}${shared}${BATCH_KEY}`), calls.joined(), Buffer.from(CLOSING)];
    this.bytes = bytesOf(this.parts);
    this.#calls = calls;
  }

  leave(): void {
    this.#calls.leave();
  }
}
