import { RowcastError } from '../errors.ts';
import { stagedCalls } from '../storage/calls.ts';
import type { StagedCall } from '../storage/calls.ts';
import type { Storage } from '../storage/storage.ts';
import { cutBatches, exceedsCallLimit } from './batch.ts';
import type { Batch } from './batch.ts';
import { settleBatch } from './halving.ts';
import type { Settled } from './halving.ts';
import { LaneRecords } from './laneRecords.ts';
import type { LanePosition, LaneRequest } from './laneRequest.ts';

/**
 * Delivers the chunks of a lane in order, one batch at a time, from a position on.
 *
 * The position moves only once the destination has acknowledged a batch, and the errors of its calls are in
 * storage. Whatever stops it, everything before the last position told is accounted for; the batch in flight
 * may have been taken all the same, and is sent again under the same ids.
 *
 * @throws RowcastError of the destination or the storage; the reason of the signal.
 */
export async function deliverLane(request: LaneRequest): Promise<{ position: LanePosition; done: boolean }> {
  const { storage, chunks, untilMs } = request;
  let { position } = request;
  while (position.chunk < chunks.length) {
    const reference = chunks[position.chunk];
    const chunk = reference && (await storage.get(reference.key, position.offset));
    if (!chunk) throw missingChunk(reference?.key ?? '', storage);
    const before = position;
    position = await deliverChunk(request, chunk, before);
    if (position.offset < before.offset + chunk.length) return { position, done: false };
    position = { ...position, chunk: position.chunk + 1, offset: 0 };
    request.onPosition(position);
    if (Date.now() > untilMs && position.chunk < chunks.length) return { position, done: false };
  }
  return { position, done: true };
}

/** @param chunk its bytes from the position on. */
async function deliverChunk(request: LaneRequest, chunk: Buffer, start: LanePosition): Promise<LanePosition> {
  const { sender, signal, untilMs } = request;
  const records = new LaneRecords(request);
  let position = start;
  for (const group of groupsOf(stagedCalls(chunk, start.offset), request)) {
    signal.throwIfAborted();
    const settled =
      group.kind === 'too_large'
        ? tooLarge(group.call, request)
        : await settleBatch(group, sender, signal, refusalsLeft(request, position));
    position = await records.record(position, settled, endOf(group, settled));
    request.onPosition(position);
    refuseHopeless(request, position, settled);
    if (Date.now() > untilMs) break;
  }
  return position;
}

type Group = ({ readonly kind: 'batch' } & Batch) | { readonly kind: 'too_large'; readonly call: StagedCall };

/** Batches, and between them, in order, the calls that are too large to be sent. */
function* groupsOf(
  calls: Generator<StagedCall>,
  { sender: { profile } }: LaneRequest,
): Generator<Group, void> {
  let tooLarge: StagedCall | undefined;
  const sendable = function* () {
    tooLarge = undefined;
    for (let next = calls.next(); next.done !== true; next = calls.next()) {
      if (exceedsCallLimit(next.value, profile)) {
        tooLarge = next.value;
        return;
      }
      yield next.value;
    }
  };
  do {
    for (const batch of cutBatches(sendable(), profile)) yield { kind: 'batch', ...batch };
    if (tooLarge !== undefined) yield { kind: 'too_large', call: tooLarge };
  } while (tooLarge !== undefined);
}

/** Where the settled calls of a group end; they are its first ones. */
function endOf(group: Group, { accepted, failures }: Settled): number {
  if (group.kind === 'too_large') return group.call.end;
  return group.calls[accepted.length + failures.length - 1]?.end ?? 0;
}

function tooLarge(call: StagedCall, { sender: { profile } }: LaneRequest): Settled {
  const { name, callBytesMax, batchBytesMax } = profile;
  const { bytes } = call;
  const taken =
    bytes > callBytesMax
      ? `more than the ${callBytesMax} that the destination ${name} takes`
      : `too many for a batch of ${batchBytesMax}, which is what the destination ${name} takes`;
  const message = `The call is ${bytes} bytes as JSON, ${taken}; select less for this row.`;
  return { accepted: [], failures: [{ call, code: 'call_too_large', message }] };
}

/** How many more refusals make the lane hopeless. */
function refusalsLeft({ refusalsMax }: LaneRequest, { delivered, refused }: LanePosition): number {
  return delivered > 0 ? Infinity : refusalsMax - refused;
}

/** What is wrong with every call stops the run, so that the window stays. */
function refuseHopeless(
  request: LaneRequest,
  position: LanePosition,
  { failures: [failure] }: Settled,
): void {
  if (refusalsLeft(request, position) > 0 || failure === undefined) return;
  throw new RowcastError(
    'destination_rejects_everything',
    `The destination refused the first ${position.refused} calls that a lane sent, and accepted none: ${failure.message} Correct the query; the window repeats with the next run.`,
  );
}

function missingChunk(key: string, { identity }: Storage): RowcastError {
  return new RowcastError(
    'storage_corrupt',
    `The staged chunk ${key} is gone from ${identity.location}; the run fails, and its window repeats from the source.`,
  );
}
