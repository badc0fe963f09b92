import { RowcastError } from '../errors.ts';
import type { Memory } from '../storage/memory.ts';
import type { StagedCalls } from '../storage/stagedCalls.ts';
import type { DestinationProfile } from './destination.ts';
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

/** A batch, and the body of the request that sends it. Its memory is free again once it is disposed of. */
export class Batch implements Body, Disposable {
  readonly calls: StagedCalls;
  readonly bytes: number;
  readonly #shared: Buffer;
  readonly #memory: Memory;
  #content: Buffer | null = null;

  constructor(calls: StagedCalls, { sharesContext }: Pick<BatchLimits, 'sharesContext'>, memory: Memory) {
    this.calls = calls;
    this.#shared = sharesContext && calls.count > 0 ? calls.at(0).shared : Buffer.alloc(0);
    this.bytes = frameBytes(this.#shared.length) + calls.joinedBytes;
    this.#memory = memory;
  }

  /** Its JSON, which is written when it is asked for first; what the calls share stands in front as well. */
  content(): Buffer {
    this.#content ??= this.#written();
    return this.#content;
  }

  leave(): void {
    this.#content = null;
  }

  #written(): Buffer {
    const content = this.#memory.take(this.bytes);
    let at = content.write(OPENING, 0, 'latin1');
    at += this.#shared.copy(content, at);
    at += content.write(BATCH_KEY, at, 'latin1');
    at = this.calls.copyJoined(content, at);
    at += content.write(CLOSING, at, 'latin1');
    // What is left of its memory was another request's.
    if (at === content.length) return content;
    throw new RowcastError('internal_error', `A batch of ${this.bytes} bytes was written as ${at}.`);
  }

  [Symbol.dispose](): void {
    if (this.#content !== null) this.#memory.giveBack(this.#content);
    this.#content = null;
  }
}
