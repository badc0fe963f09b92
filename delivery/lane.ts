import { RowcastError } from '../errors.ts';
import type { StagedCalls } from '../storage/stagedCalls.ts';
import { cutBatches } from './batch.ts';
import type { Group } from './batch.ts';
import { acceptedOf, settleBatch } from './halving.ts';
import type { Settled } from './halving.ts';
import { LaneChunks } from './laneChunks.ts';
import { allOf, LaneRecords } from './laneRecords.ts';
import type { Recorded } from './laneRecords.ts';
import type { LanePosition, LaneRequest } from './laneRequest.ts';

/**
 * Delivers the chunks of a lane in order, one batch at a time, from a position on.
 *
 * The position moves only once the destination has acknowledged a batch, and what is kept of its calls, such as their
 * errors, is in storage. Whatever stops it, everything before the last position told is accounted for; what went out
 * after it, eight batches at most, may have been taken all the same, and is sent again under the same ids.
 *
 * @throws RowcastError of the destination or the storage; the reason of the signal.
 */
export async function deliverLane(request: LaneRequest): Promise<{ position: LanePosition; done: boolean }> {
  const { chunks, untilMs } = request;
  using reading = new LaneChunks(request);
  let { position } = request;
  for (;;) {
    const { chunk: index } = position;
    const calls = await reading.next();
    if (calls === null) return { position, done: true };
    position = await deliverChunk(request, calls, reading, position);
    if (position.offset < (chunks[index]?.bytes ?? 0)) return { position, done: false };
    position = { ...position, chunk: index + 1, offset: 0 };
    request.onPosition(position);
    if (Date.now() > untilMs && position.chunk < chunks.length) return { position, done: false };
  }
}

/** So many batches go out at most until the position after the first of them is told. */
const UNTOLD_MAX = 8;

/**
 * @param calls those of the chunk from the position on.
 * @param reading reads the next chunk while the last batch of this one is on its way.
 */
async function deliverChunk(
  request: LaneRequest,
  calls: StagedCalls,
  reading: LaneChunks,
  start: LanePosition,
): Promise<LanePosition> {
  const { sender, signal, untilMs } = request;
  const records = new LaneRecords(request);
  let position = start;
  let left = calls.count;
  /** Over once all positions so far are told, each of which waits for all that it counts on. */
  let telling: Promise<void> = Promise.resolve();
  let untold = 0;
  try {
    for (const group of cutBatches(calls, sender.profile)) {
      signal.throwIfAborted();
      left -= group.calls.count;
      if (left === 0) reading.readAhead();
      const settled =
        group.kind === 'too_large'
          ? tooLarge(group.calls, request)
          : await settleBatch(group.calls, sender, signal, refusalsLeft(request, position));
      const recorded = records.record(position, settled, endOf(group, settled), telling);
      position = recorded.position;
      const isStoring = untold > 0 || recorded.stored !== null;
      untold += 1;
      telling = tell(telling, recorded, request);
      // It fails whoever waits for it, which the next batch does.
      telling.then(
        () => (untold -= 1),
        () => (untold = UNTOLD_MAX),
      );
      // Calls that are kept are stored while others are on their way; others may be too many failures to go on.
      const mayGoOn = isStoring && untold < UNTOLD_MAX && settled.failures.length === 0;
      if (!mayGoOn) await telling;
      refuseHopeless(request, position, settled);
      if (Date.now() > untilMs) break;
    }
  } catch (error) {
    await telling.catch(() => undefined);
    throw error;
  }
  await telling;
  return position;
}

async function tell(
  before: Promise<void>,
  { position, stored }: Recorded,
  { onPosition }: LaneRequest,
): Promise<void> {
  await allOf(stored === null ? [before] : [before, stored]);
  onPosition(position);
}

/** Where the settled calls of a group end; they are its first ones. */
function endOf({ calls }: Group, settled: Settled): number {
  return calls.end(acceptedOf(settled) + settled.failures.length - 1);
}

function tooLarge(calls: StagedCalls, { sender: { profile } }: LaneRequest): Settled {
  const { name, callBytesMax, batchBytesMax } = profile;
  const bytes = calls.bytes(0);
  const taken =
    bytes > callBytesMax
      ? `more than the ${callBytesMax} that the destination ${name} takes`
      : `too many for a batch of ${batchBytesMax}, which is what the destination ${name} takes`;
  const message = `The call is ${bytes} bytes as JSON, ${taken}; select less for this row.`;
  return { accepted: [], failures: [{ call: calls.at(0), code: 'call_too_large', message }] };
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
