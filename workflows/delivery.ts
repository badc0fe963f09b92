import { CancellationScope, CancelledFailure, proxyActivities } from '@temporalio/workflow';
import type { DeliverActivities, DeliveredLanes, LaneStanding, StagedRows } from '../activities/types.ts';
import { durationMs } from '../definitions/durationMs.ts';
import type { LanePosition } from '../delivery/laneRequest.ts';
import { onceTaken } from './busy.ts';
import { explain } from './failure.ts';
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

/**
 * Delivers everything that was staged, lanes side by side: a small run by one activity, a large one by one
 * activity a lane at a time, each for some minutes.
 *
 * When one lane fails for good, the others stop where they are.
 *
 * @param onDelivered told how far the lanes are whenever one of them hands back its position, a failed one too.
 */
export async function deliverStaged(
  plan: RunPlan,
  folder: string,
  staged: StagedRows,
  onDelivered: (delivered: Delivered) => void,
): Promise<void> {
  const { manifest } = staged;
  if (manifest === null) return;
  const standings: LaneStanding[] = staged.laneRows.map((rows, lane) => ({
    lane,
    position: START,
    done: rows === 0,
  }));
  const record = (lanes: readonly LaneStanding[]) => {
    for (const standing of lanes) standings[standing.lane] = standing;
    onDelivered(together(standings));
  };
  const { deliverLanes } = proxyDelivery(plan);

  const deliverGroup = async (lanes: readonly number[]): Promise<void> => {
    const dueOf = () => standings.filter(({ lane, done }) => lanes.includes(lane) && !done);
    while (dueOf().length > 0) {
      await onceTaken(plan.queues, async () => {
        const failedMax = plan.sync.maxFailedRows - staged.failed - together(standings).failed;
        const input = { plan, folder, manifest, lanes: dueOf(), failedMax };
        const delivered = await deliverLanes(input).catch((error: unknown) =>
          rethrowWithProgress(error, plan, record),
        );
        record(delivered.lanes);
      });
      if (CancellationScope.current().consideredCancelled)
        throw new CancelledFailure('The run was cancelled.');
    }
  };

  await inOneScope(groupsOf(staged, plan).map((lanes) => () => deliverGroup(lanes)));
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
  record: (lanes: readonly LaneStanding[]) => void,
): never {
  const circumstances = { storage: plan.storage, storageWaitMs: 0, giveUpAfter: plan.sync.giveUpAfter };
  const [progress] = explain(error, circumstances).details as (DeliveredLanes | undefined)[];
  if (progress !== undefined) record(progress.lanes);
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
