import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleHandle, WorkflowHandle } from '@temporalio/client';
import {
  destinationWorkflowId,
  integrationWorkflowId,
  scheduleId,
  syncWorkflowId,
} from '../../workflows/contract.ts';
import type { Fault } from './faults.ts';
import type { SyncPlan } from './syncs.ts';
import type { World } from './world.ts';

/* What people do with Temporal's own tools: `temporal schedule`, `temporal workflow`, the Web UI. */

const scheduleOf = ({ client }: World, { name }: SyncPlan): ScheduleHandle =>
  client.schedule.getHandle(scheduleId(name));

const endRun: Fault = {
  weight: 5,
  draw(random) {
    const how = random.pick(['terminate', 'cancel']);
    const which = random.int(0, 1_000);
    return {
      words: `temporal workflow ${how} of a run`,
      act: async (world) => {
        const runs = await openRuns(world);
        const run = runs[which % Math.max(1, runs.length)];
        if (run === undefined) {
          world.journal.note('no run is under way');
          return;
        }
        world.journal.note(`${how} ${run}`);
        await end(world.client.workflow.getHandle(run), how);
      },
    };
  },
};

/** The workflow ids of the runs that are under way. */
export async function openRuns({ client }: World): Promise<string[]> {
  const query = `WorkflowType = 'syncRun' AND ExecutionStatus = 'Running'`;
  return (await Array.fromAsync(client.workflow.list({ query }))).map(({ workflowId }) => workflowId);
}

async function end(handle: WorkflowHandle, how: 'terminate' | 'cancel'): Promise<void> {
  if (how === 'terminate') await handle.terminate('by chaos');
  else await handle.cancel();
}

/** A workflow that holds a definition is ended, which only `apply` brings back. */
const endHolder: Fault = {
  weight: 3,
  draw(random, syncs) {
    const how = random.pick(['terminate', 'cancel']);
    const { name, destination } = random.pick(syncs);
    const id = random.pick([
      syncWorkflowId(name),
      syncWorkflowId(name),
      integrationWorkflowId(`from-${destination}`),
      destinationWorkflowId(destination),
    ]);
    return {
      words: `temporal workflow ${how} of ${id}`,
      act: ({ client }) => end(client.workflow.getHandle(id), how),
    };
  },
};

const toggle: Fault = {
  weight: 2,
  draw(random, syncs) {
    const plan = random.pick(syncs);
    const enabled = random.chance(0.5);
    return {
      words: `temporal schedule toggle of ${plan.name}, ${enabled ? 'unpause' : 'pause'}`,
      act: (world) =>
        world.tellEnabled(plan.name, enabled, async () => {
          const handle = scheduleOf(world, plan);
          await (enabled ? handle.unpause('by chaos') : handle.pause('by chaos'));
        }),
    };
  },
};

/** What `temporal schedule update` does: arguments and policies are gone. */
const replaceSchedule: Fault = {
  weight: 2,
  draw(random, syncs) {
    const plan = random.pick(syncs);
    const hours = random.pick([1, 3]);
    return {
      words: `temporal schedule update of ${plan.name} to ${hours} hours`,
      act: (world) =>
        world.inTurn(plan.name, () =>
          scheduleOf(world, plan).update(({ action, state }) => ({
            spec: { intervals: [{ every: `${hours} hours` }] },
            action: {
              type: 'startWorkflow',
              workflowType: action.workflowType,
              taskQueue: action.taskQueue,
              workflowId: `by-chaos-${plan.name}`,
            },
            policies: {},
            state,
          })),
        ),
    };
  },
};

const trigger: Fault = {
  weight: 6,
  draw(random, syncs) {
    const plan = random.pick(syncs);
    const times = random.int(1, 3);
    return {
      words: `temporal schedule trigger of ${plan.name} with ALLOW_ALL, ${times} times`,
      act: async (world) => {
        for (let time = 0; time < times; time += 1) {
          await scheduleOf(world, plan).trigger(ScheduleOverlapPolicy.ALLOW_ALL);
        }
      },
    };
  },
};

const backfill: Fault = {
  weight: 3,
  draw(random, syncs) {
    const plan = random.pick(syncs);
    const overlap = random.pick([
      ScheduleOverlapPolicy.ALLOW_ALL,
      ScheduleOverlapPolicy.SKIP,
      ScheduleOverlapPolicy.BUFFER_ONE,
      ScheduleOverlapPolicy.CANCEL_OTHER,
      ScheduleOverlapPolicy.TERMINATE_OTHER,
    ]);
    const hours = random.int(2, 4);
    return {
      words: `temporal schedule backfill of ${plan.name} over ${hours} hours with ${overlap}`,
      act: async (world) => {
        const end = new Date();
        const start = new Date(end.getTime() - hours * 3_600_000);
        await scheduleOf(world, plan).backfill({ start, end, overlap });
      },
    };
  },
};

const deleteSchedule: Fault = {
  weight: 1,
  draw(random, syncs) {
    const plan = random.pick(syncs);
    return {
      words: `temporal schedule delete of ${plan.name}`,
      // `apply` brings it back enabled.
      act: (world) => world.tellEnabled(plan.name, true, () => scheduleOf(world, plan).delete()),
    };
  },
};

export const TEMPORAL_ACTS: readonly Fault[] = [
  endRun,
  endHolder,
  toggle,
  replaceSchedule,
  trigger,
  backfill,
  deleteSchedule,
];
