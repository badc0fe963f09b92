import { RowcastError } from '../errors.ts';
import type { ChunkReference, Manifest } from '../storage/manifest.ts';
import { stagedCalls } from '../storage/calls.ts';
import type { StagedCall } from '../storage/calls.ts';
import type { Storage } from '../storage/storage.ts';
import { cutBatches, exceedsCallLimit } from './batch.ts';
import { settleBatch } from './halving.ts';
import type { CallFailure } from './halving.ts';
import { LaneRecords } from './laneRecords.ts';
import type { Sender } from './sender.ts';

/** How far a lane is: everything before it is acknowledged by the destination, or listed with its error. */
export interface LanePosition {
  /** Index among the lane's chunks. */
  readonly chunk: number;
  /** Offset of the next line in that chunk, in bytes. */
  readonly offset: number;
  readonly delivered: number;
  readonly failed: number;
  /** Keys of the error files that count; others in the folder are left over from attempts that died. */
  readonly errorFiles: readonly string[];
  /** Keys of the files of kept calls that count. */
  readonly callFiles: readonly string[];
  /** How many delivered calls are kept in them. */
  readonly kept: number;
}

export interface LaneRequest {
  readonly storage: Storage;
  /** Where error and call files go. */
  readonly folder: string;
  /** Part of every file's name, and never the same twice, so that an attempt that was given up cannot collide. */
  readonly token: string;
  readonly lane: number;
  readonly chunks: readonly ChunkReference[];
  readonly placements: Manifest['placements'];
  readonly position: LanePosition;
  readonly sender: Sender;
  /** How many delivered calls are kept beside their rows. */
  readonly keepCalls: number;
  /** Hands back the position after this moment, in milliseconds since 1970. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
  /** Told each position that is safe to go on from. */
  readonly onPosition: (position: LanePosition) => void;
}

/** So many refusals in a row, with nothing accepted by the lane, say that all calls are wrong. */
const REFUSALS_MAX = 200;

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
    const chunk = reference && (await storage.get(reference.key));
    if (!chunk) throw missingChunk(reference?.key ?? '', storage);
    const before = position;
    position = await deliverChunk(request, chunk, before);
    if (position.offset < chunk.length) return { position, done: false };
    position = { ...position, chunk: position.chunk + 1, offset: 0 };
    request.onPosition(position);
    if (Date.now() > untilMs && position.chunk < chunks.length) return { position, done: false };
  }
  return { position, done: true };
}

async function deliverChunk(request: LaneRequest, chunk: Buffer, start: LanePosition): Promise<LanePosition> {
  const { sender, signal, untilMs } = request;
  const records = new LaneRecords(request);
  let position = start;
  for (const group of groupsOf(stagedCalls(chunk, start.offset), request)) {
    signal.throwIfAborted();
    const { accepted, failures } =
      group.kind === 'too_large' ? tooLarge(group.call, request) : await settleBatch(group, sender, signal);
    position = await records.record(position, { accepted, failures, end: endOf(group) });
    refuseHopeless(position, failures);
    request.onPosition(position);
    if (Date.now() > untilMs) break;
  }
  return position;
}

type Group =
  | { readonly kind: 'batch'; readonly calls: readonly StagedCall[] }
  | { readonly kind: 'too_large'; readonly call: StagedCall };

/** Batches, and between them, in order, the calls that are too large to be sent. */
function* groupsOf(calls: Iterable<StagedCall>, { sender: { profile } }: LaneRequest): Generator<Group> {
  let sendable: StagedCall[] = [];
  let bytes = 0;
  const flush = function* (): Generator<Group> {
    for (const batch of cutBatches(sendable, profile)) yield { kind: 'batch', ...batch };
    sendable = [];
    bytes = 0;
  };
  for (const call of calls) {
    if (exceedsCallLimit(call, profile)) {
      yield* flush();
      yield { kind: 'too_large', call };
      continue;
    }
    sendable.push(call);
    bytes += call.json.length;
    // Whole batches can be cut once there is clearly more than one of them.
    if (bytes > profile.batchBytesMax * 4) yield* flush();
  }
  yield* flush();
}

function endOf(group: Group): number {
  return group.kind === 'too_large' ? group.call.end : (group.calls.at(-1)?.end ?? 0);
}

function tooLarge(call: StagedCall, { sender: { profile } }: LaneRequest) {
  const message = `The call is ${call.json.length} bytes as JSON, more than the ${profile.callBytesMax} that the destination ${profile.name} takes; select less for this row.`;
  const failure: CallFailure = { call, code: 'call_too_large', message };
  return { accepted: [], failures: [failure] };
}

/** What is wrong with every call stops the run, so that the window stays. */
function refuseHopeless({ delivered, failed }: LanePosition, failures: readonly CallFailure[]): void {
  const [failure] = failures;
  if (delivered > 0 || failed < REFUSALS_MAX || failure === undefined) return;
  throw new RowcastError(
    'destination_rejects_everything',
    `The destination refused the first ${failed} calls of a lane and accepted none: ${failure.message} Correct the query; the window repeats with the next run.`,
  );
}

function missingChunk(key: string, { identity }: Storage): RowcastError {
  return new RowcastError(
    'storage_corrupt',
    `The staged chunk ${key} is gone from ${identity.location}; the run fails, and its window repeats from the source.`,
  );
}
