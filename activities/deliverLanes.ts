import { Context } from '@temporalio/activity';
import { ulid } from 'ulid';
import { deliverLane } from '../delivery/lane.ts';
import type { Sender } from '../delivery/sender.ts';
import { RowcastError } from '../errors.ts';
import { readManifest } from '../storage/manifest.ts';
import type { Manifest } from '../storage/manifest.ts';
import type { ActivityDeps } from './deps.ts';
import { explained } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { DeliveredLanes, DeliverLanesInput, LaneStanding } from './types.ts';

/** What a delivery heartbeats: how far its lanes are acknowledged, and their sums for those who watch. */
interface DeliverHeartbeat extends DeliveredLanes {
  readonly stage: 'deliver';
  readonly delivered: number;
  readonly failed: number;
  /** What is wrong with the destination now, in words; null where nothing is known to be. */
  readonly trouble: string | null;
}

/**
 * Delivers lanes side by side until they are done, their time is up, or the activity is cancelled, and hands
 * back how far they came. A retry goes on from the last position that the server took.
 *
 * @throws ApplicationFailure with the positions as details where one lane cannot go on.
 */
export async function deliverLanes(input: DeliverLanesInput, deps: ActivityDeps): Promise<DeliveredLanes> {
  const { info, cancellationSignal: signal } = Context.current();
  const resumed = info.heartbeatDetails as DeliverHeartbeat | undefined;
  const lanes = [...(resumed?.lanes ?? input.lanes)];
  let sender: Sender | undefined;
  using heart = heartbeating(() => heartbeatOf(lanes, sender?.trouble ?? null), deps.settings);

  return await explained(
    async () => {
      const manifest = await readManifest(deps.storage, input.manifest);
      const to = (sender = await deps.openSender(input.plan.destination));
      try {
        await inStep(lanes, signal, (index, halt) =>
          deliverOne({ input, deps, manifest, sender: to, lanes, index, signal: halt }),
        );
      } finally {
        // From here the next attempt goes on: nothing that is acknowledged is sent again.
        heart.now();
      }
      return { lanes };
    },
    () => ({ details: [{ lanes }] }),
  );
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
    folder: `${input.folder}/delivery`,
    token: ulid(),
    lane,
    chunks: manifest.lanes[lane] ?? [],
    placements: manifest.placements,
    position: standing.position,
    sender,
    keepCalls: input.plan.sync.keepCalls,
    untilMs: Date.now() + deps.settings.deliverMs,
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
