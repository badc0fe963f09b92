import { CancellationScope, CancelledFailure, proxyActivities } from '@temporalio/workflow';
import type {
  DeliverActivities,
  DeliveredLanes,
  LaneStanding,
  Rest,
  StagedRows,
} from '../activities/types.ts';
import { durationMs } from '../definitions/durationMs.ts';
import type { LanePosition } from '../delivery/laneRequest.ts';
import { onceTaken } from './busy.ts';
import { explain, isUnheard } from './failure.ts';
import type { RunPlan } from './messages.ts';

/** What the lanes of a run have done together so far. */
export interface Delivered {
  readonly delivered: number;
  readonly failed: number;
  readonly errorFiles: readonly string[];
  readonly callFiles: readonly string[];
}

/** A lane of which nothing has been delivered yet. */
const START: LanePosition = {
  chunk: 0,
  offset: 0,
  delivered: 0,
  failed: 0,
  refused: 0,
  errorFiles: [],
  callFiles: [],
  kept: 0,
};

/** Who follows a delivery. */
export interface DeliveryListener {
  /** Told how far the lanes are whenever one of them hands back its position, a failed one too. @param lanes by number. */
  onDelivered(delivered: Delivered, lanes: readonly LanePosition[]): void;
  /** Told that the end of an attempt was not heard: more may have gone, and may still go, than was told. */
  onUnheard(): void;
}

/**
 * So often lanes are handed back for a rest: each costs the history some events, and a destination that takes a call
 * now and then would fill it.
 */
const RESTS_MAX = 50;

/**
 * Delivers everything that was staged, lanes side by side: a small run by one activity, a large one by one
 * activity a lane at a time, each for a turn.
 *
 * When one lane fails for good, the others stop where they are.
 */
export async function deliverStaged(
  plan: RunPlan,
  folder: string,
  staged: StagedRows,
  listener: DeliveryListener,
): Promise<void> {
  const { manifest } = staged;
  if (manifest === null) return;
  const standings: LaneStanding[] = staged.laneRows.map((rows, lane) => ({
    lane,
    position: START,
    done: rows === 0,
  }));
  const record = ({ lanes, unheard }: DeliveredLanes) => {
    for (const standing of lanes) standings[standing.lane] = standing;
    if (unheard === true) listener.onUnheard();
    listener.onDelivered(
      together(standings),
      standings.map(({ position }) => position),
    );
  };
  const { deliverLanes } = proxyDelivery(plan);

  const deliverGroup = async (lanes: readonly number[]): Promise<void> => {
    let rest: Rest | null = null;
    let rests = 0;
    const dueOf = () => standings.filter(({ lane, done }) => lanes.includes(lane) && !done);
    while (dueOf().length > 0) {
      await onceTaken(plan.queues, async () => {
        const failedMax = failedMaxOf(plan) - staged.failed - together(standings).failed;
        const handsBack = rests < RESTS_MAX;
        const input = { plan, folder, manifest, lanes: dueOf(), failedMax, handsBack, rest };
        const delivered = await deliverLanes(input).catch((error: unknown) => {
          if (isUnheard(error)) listener.onUnheard();
          return rethrowWithProgress(error, plan, record);
        });
        record(delivered);
        rest = delivered.rest ?? null;
        if (rest !== null) rests += 1;
      });
      if (CancellationScope.current().consideredCancelled)
        throw new CancelledFailure('The run was cancelled.');
    }
  };

  await inOneScope(groupsOf(staged, plan).map((lanes) => () => deliverGroup(lanes)));
}

/** What a retry sends is listed as failed already, however many there are. */
function failedMaxOf({ sync, retry }: RunPlan): number {
  return retry === undefined ? sync.maxFailedRows : Number.MAX_SAFE_INTEGER;
}

function proxyDelivery(plan: RunPlan) {
  const giveUpMs = durationMs(plan.sync.giveUpAfter) ?? 0;
  return proxyActivities<DeliverActivities>({
    taskQueue: plan.queues.deliver,
    scheduleToStartTimeout: plan.settings.storageWaitMs,
    scheduleToCloseTimeout: giveUpMs + plan.settings.deliverMs,
    startToCloseTimeout: plan.settings.deliverMs + 600_000,
    heartbeatTimeout: plan.settings.heartbeatMs,
    // A cancelled delivery hands back how far it came.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary: `deliver to ${plan.destination.name}`,
    retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
  });
}

function groupsOf(staged: StagedRows, plan: RunPlan): number[][] {
  const lanes = staged.laneRows.map((_rows, lane) => lane);
  return staged.rows <= plan.settings.smallRunRows ? [lanes] : lanes.map((lane) => [lane]);
}

/** Runs all; the first failure cancels the others, which are waited for before it is thrown. */
async function inOneScope(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const scope = new CancellationScope();
  const failures: unknown[] = [];
  await scope.run(async () => {
    const watched = tasks.map((task) =>
      task().catch((error: unknown) => {
        failures.push(error);
        scope.cancel();
      }),
    );
    await Promise.all(watched);
  });
  if (failures.length > 0) throw failures[0];
}

function rethrowWithProgress(
  error: unknown,
  plan: RunPlan,
  record: (delivered: DeliveredLanes) => void,
): never {
  const { giveUpAfter } = plan.sync;
  const circumstances = { storage: plan.storage, storageWaitMs: 0, giveUpAfter, afterwards: '' };
  const [progress] = explain(error, circumstances).details as (DeliveredLanes | undefined)[];
  if (progress !== undefined) record(progress);
  throw error;
}

function together(standings: readonly LaneStanding[]): Delivered {
  const positions = standings.map(({ position }) => position);
  return {
    delivered: positions.reduce((sum, { delivered }) => sum + delivered, 0),
    failed: positions.reduce((sum, { failed }) => sum + failed, 0),
    errorFiles: positions.flatMap(({ errorFiles }) => errorFiles),
    callFiles: positions.flatMap(({ callFiles }) => callFiles),
  };
}
