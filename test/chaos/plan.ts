import { FAULTS } from './faults.ts';
import type { Act } from './faults.ts';
import { Random } from './random.ts';
import { drawSync } from './syncs.ts';
import type { SyncPlan } from './syncs.ts';

/** Everything that a round does, drawn from its seed before it begins. */
export interface RoundPlan {
  readonly seed: number;
  readonly syncs: readonly SyncPlan[];
  /** Of the workers: environment variables. */
  readonly settings: Readonly<Record<string, string>>;
  /** Bytes of the largest batch of the destination `http`. */
  readonly batchBytesMax: number;
  readonly steps: readonly Step[];
}

export interface Step {
  /** When it is taken, in milliseconds from the round's start. */
  readonly atMs: number;
  /** What it does, in words. */
  readonly words: string;
  readonly act: Act;
}

/** For so long things go wrong. */
const CHAOS_MS = 6_000;

export function drawRound(seed: number): RoundPlan {
  const random = new Random(seed);
  const more = Array.from({ length: random.int(2, 4) }, (_none, index) => drawSync(random.fork(), index + 1));
  const syncs = [drawSync(random.fork(), 0), ...more] as const;
  const steps = Array.from({ length: random.int(10, 22) }, () => {
    const own = random.fork();
    const fault = own.weighted(FAULTS);
    return { atMs: own.int(0, CHAOS_MS), ...fault.draw(own, syncs) };
  });
  return {
    seed,
    syncs,
    settings: drawSettings(random.fork()),
    batchBytesMax: random.pick([8_000, 50_000, 400_000]),
    steps: steps.sort((left, right) => left.atMs - right.atMs),
  };
}

/** All time-outs are short; sizes are such that small runs meet what large ones do. */
function drawSettings(random: Random): Record<string, string> {
  return {
    ROWCAST_HEARTBEAT_MS: '1000',
    ROWCAST_PROGRESS_MS: String(random.pick([100, 300])),
    ROWCAST_REQUEST_TIMEOUT_MS: '1000',
    ROWCAST_GRACE_MS: String(random.pick([0, 500, 1_000])),
    ROWCAST_RETRY_BUDGET_MS: String(random.pick([0, 500, 1_500])),
    ROWCAST_SOURCE_PATIENCE_MS: String(random.pick([1_000, 20_000])),
    ROWCAST_STORAGE_WAIT_MS: String(random.pick([3_000, 20_000])),
    ROWCAST_DELIVER_MS: String(random.pick([1_000, 600_000])),
    ROWCAST_LANES: String(random.pick([1, 3, 6])),
    ROWCAST_CHUNK_BYTES: String(random.pick([8_000, 64_000, 4_000_000])),
    ROWCAST_PAGE_ROWS: String(random.pick([50, 500, 5_000])),
    ROWCAST_SMALL_RUN_ROWS: String(random.pick([0, 200, 1_000_000])),
  };
}
