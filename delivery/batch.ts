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
  const { callBytesMax, batchBytesMax, batchCallsMax, sharesContext } = limits;
  let first = 0;
  let bytes = 0;
  for (let index = 0; index < calls.count; index += 1) {
    const alone = calls.bytes(index);
    const added = alone + 1; // With the comma before it.
    const frame = frameBytes(sharesContext ? calls.sharedBytes(index) : 0);
    const isTooLarge = alone > callBytesMax || frame + alone > batchBytesMax;
    const isOpen = index > first;
    if (
      isOpen &&
      (isTooLarge ||
        bytes + added > batchBytesMax ||
        index - first >= batchCallsMax ||
        (sharesContext && !calls.share(first, index)))
    ) {
      yield { kind: 'batch', calls: calls.slice(first, index) };
      first = index;
    }
    if (isTooLarge) {
      yield { kind: 'too_large', calls: calls.slice(index, index + 1) };
      first = index + 1;
      continue;
    }
    if (index === first) bytes = frame - 1; // No comma before the first.
    bytes += added;
  }
  if (first < calls.count) yield { kind: 'batch', calls: calls.slice(first) };
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
