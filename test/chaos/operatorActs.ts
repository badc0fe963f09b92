import { inspect } from 'node:util';
import { RowcastError } from '../../client/index.ts';
import type { Rowcast } from '../../client/index.ts';
import { applyAll } from './definitions.ts';
import type { Fault } from './faults.ts';
import type { World } from './world.ts';
import { drawChange } from './writer.ts';

/* What an operator does with Rowcast's own client, and what happens to the source's rows meanwhile. */

const PATIENCE_MS = 20_000;

/** Asks as an application does, which is promised a `RowcastError` whatever happens. */
async function ask<Answer>(
  world: World,
  question: (rowcast: Rowcast, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await question(world.rowcast, signal);
  } catch (error) {
    if (!(error instanceof RowcastError) && !signal.aborted) {
      world.findings.push(`The client threw what is no RowcastError: ${inspect(error)}`);
    }
    throw error;
  }
}

const changeRows: Fault = {
  weight: 22,
  draw(random, syncs) {
    const change = drawChange(random, random.pick(syncs));
    const { plan, ...words } = change;
    return {
      words: `rows of ${plan.name}: ${JSON.stringify(words)}`,
      act: ({ writer }) => writer.change(change),
    };
  },
};

const run: Fault = {
  weight: 14,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    return {
      words: `rowcast sync run ${name}`,
      act: async (world) => {
        const started = await ask(world, (rowcast, signal) => rowcast.syncs.run(name, signal));
        world.journal.note(`${started.run} ${started.started ? 'was started' : 'is under way'}`);
      },
    };
  },
};

const apply: Fault = {
  weight: 3,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    return {
      words: `rowcast apply with another edition of ${name}`,
      act: async (world) => {
        world.editions.set(name, (world.editions.get(name) ?? 0) + 1);
        // Temporal's SDK writes a whole Schedule, so that a pause by somebody else in the same moment is lost.
        await world.inTurns(() => ask(world, (_rowcast, signal) => applyAll(world, signal)));
      },
    };
  },
};

const setEnabled: Fault = {
  weight: 2,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    const how = random.pick(['enable', 'disable', 'disable --now']);
    return {
      words: `rowcast sync ${how} ${name}`,
      act: (world) =>
        world.tellEnabled(name, how === 'enable', () =>
          ask(world, async (rowcast, signal) => {
            if (how === 'enable') await rowcast.syncs.enable(name, signal);
            else await rowcast.syncs.disable(name, { now: how === 'disable --now', signal });
          }),
        ),
    };
  },
};

const cancelImport: Fault = {
  weight: 2,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    return {
      words: `rowcast import cancel of the run of ${name}`,
      act: async (world) => {
        const { running } = await ask(world, (rowcast, signal) => rowcast.syncs.get(name, signal));
        if (running === null) {
          world.journal.note(`no run of ${name} is under way`);
          return;
        }
        const ended = await ask(world, (rowcast, signal) => rowcast.imports.cancel(running.run, signal));
        world.journal.note(`${ended.run} is ${ended.outcome}`);
      },
    };
  },
};

const reset: Fault = {
  weight: 2,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    const ago = random.pick([null, null, 0, 3]);
    return {
      words: `rowcast sync reset ${name}${ago === null ? '' : ` --to ${ago} s ago`}`,
      act: async (world) => {
        const to = ago === null ? 0 : Math.floor(Date.now() / 1_000) - ago;
        await world.breaking({ sync: name, kind: 'reset', to }, () =>
          ask(world, (rowcast, signal) => rowcast.syncs.reset(name, { to, signal })),
        );
      },
    };
  },
};

const remove: Fault = {
  weight: 1,
  draw(random, syncs) {
    const { name } = random.pick(syncs);
    return {
      words: `rowcast sync delete ${name}`,
      act: (world) =>
        // `apply` makes a new one, which is enabled.
        world.tellEnabled(name, true, () =>
          world.breaking({ sync: name, kind: 'delete', to: 0 }, () =>
            ask(world, (rowcast, signal) => rowcast.syncs.delete(name, signal)),
          ),
        ),
    };
  },
};

export const OPERATOR_ACTS: readonly Fault[] = [
  changeRows,
  run,
  apply,
  setEnabled,
  cancelImport,
  reset,
  remove,
];
