import { setTimeout as sleep } from 'node:timers/promises';
import { connectTo } from '../../dev/postgres.ts';
import type { Fault } from './faults.ts';
import type { World } from './world.ts';

/* What happens to processes: workers, Temporal, PostgreSQL. */

const stopWorker: Fault = {
  weight: 4,
  draw(random) {
    const signal = random.pick(['SIGKILL', 'SIGTERM']);
    const awayMs = random.pick([0, 300, 1_500]);
    return {
      words: `worker: ${signal}, started again after ${awayMs} ms`,
      act: (world) => replaceWorker(world, signal, awayMs),
    };
  },
};

/** A worker whose clock is off by minutes or hours, in place of the one that is right. */
const skewedWorker: Fault = {
  weight: 1,
  draw(random) {
    const offset = random.pick(['+3h', '-3h', '+7m', '-7m']);
    return {
      words: `worker: replaced by one whose clock is off by ${offset}`,
      act: async (world) => {
        const { clock } = world;
        if (clock === null) world.journal.note('there is no libfaketime here, so its clock is right');
        await replaceWorker(world, 'SIGTERM', 0, clock === null ? {} : { ...clock, FAKETIME: offset });
      },
    };
  },
};

async function replaceWorker(
  world: World,
  signal: NodeJS.Signals,
  awayMs: number,
  extra: NodeJS.ProcessEnv = {},
): Promise<void> {
  await world.turns.worker(async () => {
    if (signal === 'SIGKILL') world.wasKilled = true;
    await world.stopWorker(signal);
    await sleep(awayMs);
    const isThere = await world.startWorker(extra);
    world.isSkewed = 'FAKETIME' in extra;
    if (!isThere) world.journal.note('the worker ended while it started');
  });
}

const secondWorker: Fault = {
  weight: 1.5,
  draw(random) {
    const staysMs = random.int(1_500, 4_000);
    const signal = random.pick(['SIGKILL', 'SIGTERM']);
    return {
      words: `a second worker on the same storage, ${signal} after ${staysMs} ms`,
      act: async (world) => {
        const worker = world.spawnWorker('second.log');
        world.others.add(worker);
        await sleep(staysMs);
        if (signal === 'SIGKILL') world.wasKilled = true;
        await worker.stop(signal);
        world.others.delete(worker);
      },
    };
  },
};

const killTemporal: Fault = {
  weight: 2,
  draw(random) {
    const awayMs = random.pick([0, 500, 2_000]);
    return {
      words: `Temporal: SIGKILL, started again after ${awayMs} ms`,
      act: (world) =>
        world.turns.temporal(async () => {
          await world.stopTemporal('SIGKILL');
          await sleep(awayMs);
          await world.startTemporal();
        }),
    };
  },
};

const restartPostgres: Fault = {
  weight: 1.5,
  draw(random) {
    const how = random.pick(['fast', 'immediate']);
    return {
      words: `PostgreSQL: ${how} restart`,
      act: (world) => world.turns.postgres(() => world.postgres.restart(how)),
    };
  },
};

const killBackends: Fault = {
  weight: 3,
  draw: () => ({
    words: 'PostgreSQL: the backends of workers are terminated',
    act: async (world) => {
      const admin = await connectTo(world.postgres);
      admin.on('error', () => undefined);
      try {
        const { rowCount } = await admin.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1',
          [world.reader],
        );
        world.journal.note(`${rowCount ?? 0} backends terminated`);
      } finally {
        await admin.end().catch(() => undefined);
      }
    },
  }),
};

export const PROCESS_FAULTS: readonly Fault[] = [
  stopWorker,
  skewedWorker,
  secondWorker,
  killTemporal,
  restartPostgres,
  killBackends,
];
