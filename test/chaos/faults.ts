import type { Random } from './random.ts';
import { OPERATOR_ACTS } from './operatorActs.ts';
import { PROCESS_FAULTS } from './processFaults.ts';
import { RECEIVER_FAULTS } from './receiverFaults.ts';
import type { SyncPlan } from './syncs.ts';
import { TEMPORAL_ACTS } from './temporalActs.ts';
import type { World } from './world.ts';

export type Act = (world: World) => Promise<void>;

/** Something that may happen in a round. Whatever it draws, it draws before the round begins. */
export interface Fault {
  /** How often it happens, beside the others. */
  readonly weight: number;
  draw(
    random: Random,
    syncs: readonly [SyncPlan, ...SyncPlan[]],
  ): { readonly words: string; readonly act: Act };
}

export const FAULTS: readonly Fault[] = [
  ...OPERATOR_ACTS,
  ...PROCESS_FAULTS,
  ...RECEIVER_FAULTS,
  ...TEMPORAL_ACTS,
];
