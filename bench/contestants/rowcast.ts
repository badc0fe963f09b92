import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rowcast } from '../../client/index.ts';
import type { Manifest } from '../../storage/manifest.ts';
import { endOf, startEngine } from '../engine.ts';
import type { Engine } from '../engine.ts';
import { historyOf } from '../history.ts';
import { cpuMsOf, forgetPeak, peakMbOf } from '../processes.ts';
import { narrowSeries } from '../tables.ts';
import type { BenchTable } from '../tables.ts';
import type { Bench, Contestant, Figures } from './contestant.ts';

/** What a worker moves first, and nobody counts: it runs for weeks, and V8 goes on to make it faster for a million rows or two. */
const FIRST = narrowSeries(90_000);
const FIRST_RUNS = { quick: 6, full: 20 };

export const rowcast: Contestant = {
  name: 'Rowcast',
  how: 'the whole engine as it is by default: Schedule, workflows on the dev server, staging in a local folder, delivery to a destination of kind `customerio`, books closed, from when a run is asked for to the end of its workflow, its wait for the end of a second included; its worker, which is not started for a run, has moved 90,000 rows twenty times before the first, in a quick bench six times',
  delivers: true,
  rowsMax: { quick: Infinity, full: Infinity },
  canMove: () => true,
  async start(bench) {
    const { postgres, mariadb, folder } = bench;
    const engine = await startEngine({
      folder: join(folder, 'rowcast'),
      env: {
        ROWCAST_SECRET_POSTGRES: postgres.password,
        ROWCAST_SECRET_MARIADB: typeof mariadb === 'string' ? '' : mariadb.password,
        ROWCAST_SECRET_WRITE_KEY: 'bench-write-key',
      },
    });
    await describe(engine.client, bench);
    const firstRuns = bench.isQuick ? FIRST_RUNS.quick : FIRST_RUNS.full;
    await warmUp(engine, firstRuns);
    return {
      run: (table) => measureRun(engine, table),
      async renew() {
        await engine.renew();
        await warmUp(engine, firstRuns);
      },
      stop: () => engine.stop(),
    };
  },
};

/** The destination, and an integration for each database. */
async function describe(client: Rowcast, { postgres, mariadb, receiver }: Bench): Promise<void> {
  const writeKey = { secret: 'write-key' };
  await client.destinations.update({ name: 'receiver', kind: 'customerio', url: `${receiver}/v1`, writeKey });
  const { host, port, user } = postgres;
  await client.integrations.update({
    name: 'postgres',
    source: {
      ...{ kind: 'postgres', host, port, database: 'postgres', user, tls: 'off' },
      password: { secret: 'postgres' },
    },
    destination: 'receiver',
  });
  if (typeof mariadb === 'string') return;
  await client.integrations.update({
    name: 'mariadb',
    source: {
      ...{ kind: 'mysql', host: mariadb.host, port: mariadb.port, database: mariadb.database },
      ...{ user: mariadb.user, password: { secret: 'mariadb' }, tls: 'off' },
    },
    destination: 'receiver',
  });
}

async function warmUp(engine: Engine, runs: number): Promise<void> {
  for (let run = 1; run <= runs; run += 1) await measureRun(engine, FIRST);
}

async function measureRun(engine: Engine, { database, shape, rows, query }: BenchTable): Promise<Figures> {
  const { client, workers, storage } = engine;
  const pid = workers[0]?.child.pid ?? 0;
  const name = `${database}-${shape}-${rows}`;
  const sync = { name, integration: database, type: 'identify', every: '1 day', query } as const;
  await client.syncs.update(sync, { enabled: false });
  const isPeakOfRun = forgetPeak(pid);
  const serverPid = engine.temporalPid ?? 0;
  const [cpuBefore, serverBefore] = [cpuMsOf(pid), cpuMsOf(serverPid)];
  const staged = watchStaged(storage, name);
  const beginMs = Date.now();
  const { run } = await client.syncs.run(name);
  const ended = await endOf(engine, run);
  const [cpuAfter, serverAfter] = [cpuMsOf(pid), cpuMsOf(serverPid)];
  const stagedBytes = staged();
  if (ended.outcome !== 'succeeded' || ended.delivered !== rows) {
    throw new Error(`the run ended as ${ended.outcome} with ${ended.delivered} calls: ${ended.error ?? ''}`);
  }
  const { endedMs, figures } = await historyOf(engine, ended);
  return {
    ms: endedMs - beginMs,
    cpuMs: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
    peakMb: isPeakOfRun ? peakMbOf(pid) : null,
    engine: { ...figures, stagedBytes, serverCpuMs: (serverAfter ?? NaN) - (serverBefore ?? NaN) },
  };
}

const LOOK_EVERY_MS = 25;

/**
 * Looks for the manifest of a sync's run, which is there while the run delivers.
 *
 * @returns what stops it, and says how large the chunks were; NaN where they went before it looked.
 */
function watchStaged(storage: string, sync: string): () => number {
  let bytes = NaN;
  const look = setInterval(() => {
    const found = bytesStaged(storage, sync);
    if (found === null) return;
    bytes = found;
    clearInterval(look); // Whoever goes on looking takes CPU from the delivery.
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(look);
    return bytes;
  };
}

function bytesStaged(storage: string, sync: string): number | null {
  try {
    const [file = ''] = globSync(`runs/${sync}/*/*/manifest.json`, { cwd: storage });
    const { lanes } = JSON.parse(readFileSync(join(storage, file), 'utf8')) as Pick<Manifest, 'lanes'>;
    return lanes.flat().reduce((sum, chunk) => sum + chunk.bytes, 0);
  } catch {
    return null; // It is not there yet, or no longer.
  }
}
