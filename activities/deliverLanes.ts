import { Context } from '@temporalio/activity';
import { ulid } from 'ulid';
import { keepMs } from '../definitions/keepMs.ts';
import { deliverLane } from '../delivery/lane.ts';
import type { Sender } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
import { readManifest } from '../storage/manifest.ts';
import type { Manifest } from '../storage/manifest.ts';
import type { RunPlan } from '../workflows/messages.ts';
import type { ActivityDeps } from './deps.ts';
import { explained } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { WorkerSettings } from './settings.ts';
import type { DeliveredLanes, DeliverLanesInput, LaneStanding, Rest } from './types.ts';

/** What a delivery heartbeats: how far its lanes are acknowledged, and their sums for those who watch. */
interface DeliverHeartbeat extends DeliveredLanes {
  readonly stage: 'deliver';
  readonly delivered: number;
  readonly failed: number;
  /** What is wrong with the destination now, in words; null where nothing is known to be. */
  readonly trouble: string | null;
  /** Whether its attempt has ended, and sends nothing more. Not in heartbeats before 0.3.0. */
  readonly isOver?: boolean;
}

/**
 * Delivers lanes side by side until they are done, their turn is over, or the activity is cancelled, and hands
 * back how far they came. A retry goes on from the last position that the server took.
 *
 * Temporal tells the workflow nothing of an attempt that fails and is tried again. So one that came further hands its
 * lanes back with the rest that it needs, and the workflow knows how many calls have gone should it be cancelled
 * meanwhile. The rest is taken here by the first attempt that follows, which fails at once: it holds no slot, and
 * people see what is waited for.
 *
 * @throws ApplicationFailure with the positions as details where one lane cannot go on.
 */
export async function deliverLanes(input: DeliverLanesInput, deps: ActivityDeps): Promise<DeliveredLanes> {
  const { info, cancellationSignal: signal } = Context.current();
  const resumed = info.heartbeatDetails as DeliverHeartbeat | undefined;
  const before = resumed?.lanes ?? input.lanes;
  const lanes = [...before];
  // An attempt that ends says so; one that does not is dead, or cut off and still at work.
  const unheard = resumed?.unheard === true || (info.attempt > 1 && resumed?.isOver !== true);
  let sender: Sender | undefined;
  let isOver = false;
  using heart = heartbeating(
    () => ({ ...heartbeatOf(lanes, sender?.trouble ?? null), unheard, isOver }),
    deps.settings,
  );
  const start = async () => {
    if (input.rest && info.attempt === 1) throw restingFor(input.rest);
    const manifest = await readManifest(deps.storage, input.manifest);
    const to = (sender = await deps.openSender(input.plan.destination));
    await inStep(lanes, signal, (index, halt) =>
      deliverOne({ input, deps, manifest, sender: to, lanes, index, signal: halt }),
    );
  };

  return await explained(
    async () => {
      try {
        await start();
        return { lanes, unheard };
      } catch (error) {
        const hasMoved = accounted(lanes) > accounted(input.lanes);
        if (!input.handsBack || !hasMoved || !isRest(error)) throw error;
        return { lanes, unheard, rest: restOf(error) };
      } finally {
        // From here the next attempt goes on: nothing that is acknowledged is sent again.
        isOver = true;
        heart.now();
        countDelivered(input, deps, before, lanes);
      }
    },
    () => ({ details: [{ lanes, unheard }] }),
  );
}

function countDelivered(
  { plan }: DeliverLanesInput,
  { metrics }: ActivityDeps,
  before: readonly LaneStanding[],
  lanes: readonly LaneStanding[],
): void {
  const [calls, failed] = (['delivered', 'failed'] as const).map(
    (field) => sumOf(lanes, field) - sumOf(before, field),
  );
  const { name: sync, integration } = plan.sync;
  const of = { sync, integration, destination: plan.destination.name };
  metrics.delivered(of, { calls: calls ?? 0, failed: failed ?? 0 });
}

function isRest(error: unknown): error is RowcastError {
  return error instanceof RowcastError && error.retryable;
}

function restOf({ code, message, retryAfterMs }: RowcastError): Rest {
  return { code, message, ms: retryAfterMs ?? null };
}

function restingFor({ code, message, ms }: Rest): RowcastError {
  return new RowcastError(code, message, ms === null ? {} : { retryAfterMs: ms });
}

function accounted(lanes: readonly LaneStanding[]): number {
  return sumOf(lanes, 'delivered') + sumOf(lanes, 'failed');
}

function heartbeatOf(lanes: readonly LaneStanding[], trouble: string | null): DeliverHeartbeat {
  const [delivered, failed] = [sumOf(lanes, 'delivered'), sumOf(lanes, 'failed')];
  return { stage: 'deliver', lanes, delivered, failed, trouble };
}

function sumOf(lanes: readonly LaneStanding[], field: 'delivered' | 'failed'): number {
  return lanes.reduce((sum, { position }) => sum + position[field], 0);
}

/** Runs one task a lane; the first failure halts the others, which are waited for. Cancellation is no failure. */
async function inStep(
  lanes: readonly LaneStanding[],
  signal: AbortSignal,
  task: (index: number, halt: AbortSignal) => Promise<void>,
): Promise<void> {
  const halt = new AbortController();
  const failures: unknown[] = [];
  const both = AbortSignal.any([signal, halt.signal]);
  await Promise.all(
    lanes.map((_lane, index) =>
      task(index, both).catch((error: unknown) => {
        if (both.aborted) return;
        failures.push(error);
        halt.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}

/** A slot is given back after so long at first, in milliseconds, and later after such a part of the time that has gone. */
const [TURN_MIN_MS, TURN_PART] = [15_000, 1 / 20];

/**
 * How long a lane holds its slot at a time, in milliseconds. It goes behind all that wait for one then, so that a
 * destination which takes seconds to answer does not keep the slots from others for long; and each turn costs the
 * history some events, so that turns become longer the longer it takes.
 */
function turnMs({ window }: RunPlan, { deliverMs }: WorkerSettings): number {
  const goneMs = Date.now() - window.firstAttemptAtMs;
  return Math.min(deliverMs, Math.max(TURN_MIN_MS, goneMs * TURN_PART));
}

/** So many refusals in a row, with nothing accepted by the lane, say that all calls are wrong. */
const REFUSALS_MAX = 200;

interface OneLane {
  readonly input: DeliverLanesInput;
  readonly deps: ActivityDeps;
  readonly manifest: Manifest;
  readonly sender: Sender;
  /** The standings of all lanes; the lane's own is kept up to date here. */
  readonly lanes: LaneStanding[];
  readonly index: number;
  readonly signal: AbortSignal;
}

async function deliverOne({ input, deps, manifest, sender, lanes, index, signal }: OneLane): Promise<void> {
  const standing = lanes[index];
  if (standing === undefined || standing.done) return;
  const { lane } = standing;
  const failedBefore = sumOf(input.lanes, 'failed');
  const { position, done } = await deliverLane({
    storage: deps.storage,
    memory: deps.memory,
    folder: `${input.folder}/delivery`,
    token: ulid(),
    lane,
    chunks: manifest.lanes[lane] ?? [],
    placements: manifest.placements,
    position: standing.position,
    sender,
    // All that a retry sends has failed before, and is listed already.
    refusalsMax: input.plan.retry === undefined ? REFUSALS_MAX : Infinity,
    keepCalls: keepMs(input.plan.sync.keep, 'calls') > 0 ? input.plan.sync.keepCalls : 0,
    untilMs: Date.now() + turnMs(input.plan, deps.settings),
    signal,
    onPosition: (at) => {
      lanes[index] = { lane, position: at, done: false };
      refuseTooMany(sumOf(lanes, 'failed') - failedBefore, input);
    },
  });
  lanes[index] = { lane, position, done };
}

function refuseTooMany(failed: number, { failedMax, plan }: DeliverLanesInput): void {
  if (failed <= failedMax) return;
  throw new RowcastError(
    'too_many_failed_rows',
    `More rows failed than the ${plan.sync.maxFailedRows} that the sync allows (\`maxFailedRows\`). See why with \`rowcast import errors\`; the window repeats with the next run.`,
  );
}
