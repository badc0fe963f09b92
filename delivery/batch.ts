import type { StagedCall } from '../storage/calls.ts';
import type { DestinationProfile } from './destination.ts';

/** Neighbouring calls that go out in one request. */
export interface Batch {
  readonly calls: readonly StagedCall[];
}

export type BatchLimits = Pick<
  DestinationProfile,
  'callBytesMax' | 'batchBytesMax' | 'batchCallsMax' | 'sharesContext'
>;

const OPENING = '{';
const BATCH_KEY = '"batch":[';
const CLOSING = ']}';
const COMMA = 0x2c;

/** Whether a call is too large to be sent at all. */
export function exceedsCallLimit(call: StagedCall, limits: BatchLimits): boolean {
  const { bytes } = call;
  return bytes > limits.callBytesMax || frameBytes(call, limits) + bytes > limits.batchBytesMax;
}

/**
 * Cuts calls into batches, in order. A batch is closed before it would exceed a limit and, where `context`
 * holds for the whole of it, before a call with another one.
 *
 * Calls over the limit of a single call are not for this function: see `exceedsCallLimit`.
 */
export function* cutBatches(calls: Iterable<StagedCall>, limits: BatchLimits): Generator<Batch> {
  let open: StagedCall[] = [];
  let bytes = 0;
  for (const call of calls) {
    const [first] = open;
    const added = call.bytes + 1; // With the comma before it.
    const other = limits.sharesContext && first !== undefined && !first.sharesWith(call);
    if (
      first !== undefined &&
      (other || bytes + added > limits.batchBytesMax || open.length >= limits.batchCallsMax)
    ) {
      yield { calls: open };
      open = [];
    }
    if (open.length === 0) bytes = frameBytes(call, limits) - 1; // No comma before the first.
    open.push(call);
    bytes += added;
  }
  if (open.length > 0) yield { calls: open };
}

function frameBytes({ sharedBytes }: StagedCall, { sharesContext }: BatchLimits): number {
  return OPENING.length + (sharesContext ? sharedBytes : 0) + BATCH_KEY.length + CLOSING.length;
}

/** The body of the request for a batch; what its calls share stands in front as well. */
export function batchBody({ calls }: Batch, { sharesContext }: BatchLimits): Buffer {
  const shared = sharesContext ? (calls[0]?.shared ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const content = calls.reduce((sum, { bytes }) => sum + bytes + 1, 0) - 1;
  const body = Buffer.allocUnsafe(
    OPENING.length + shared.length + BATCH_KEY.length + content + CLOSING.length,
  );
  let at = body.write(OPENING, 0, 'latin1');
  at += shared.copy(body, at);
  at += body.write(BATCH_KEY, at, 'latin1');
  for (const [index, call] of calls.entries()) {
    if (index > 0) body[at++] = COMMA;
    at += call.copyTo(body, at);
  }
  body.write(CLOSING, at, 'latin1');
  return body;
}
