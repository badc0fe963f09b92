import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

const KILLS = 20;
/** Every further crash of one and the same activity makes Temporal wait longer: a run gets at most so many. */
const KILLS_PER_RUN = 3;
const ROWS = 12_000;
const SEED = Number(process.env['ROWCAST_TEST_SEED'] ?? Date.now() % 1_000_000);

/** The same moments for the same seed: a linear congruential generator. */
function* randoms(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

test(
  `a worker killed ${KILLS} times at random moments (ROWCAST_TEST_SEED=${SEED}) delivers every row exactly once`,
  { timeout: 900_000 },
  async () => {
    await using engine = await startEngine({ env: { ROWCAST_SMALL_RUN_ROWS: '1000' } });
    // Reading and delivering take a second or two each, so that kills meet both.
    const name = await engine.sync({
      query: `SELECT n AS "userId", repeat(md5(n::text), 30) AS note, {{last_sync_time}} AS since,
                CASE WHEN n % 1000 = 0 THEN pg_sleep(0.1)::text END AS slept
              FROM generate_series(1, ${ROWS}) n`,
    });
    engine.receiver.misbehave({ kind: 'slow', ms: 150 });
    const random = randoms(SEED);
    const met = { extract: 0, deliver: 0, other: 0 };
    let kills = 0;
    let runs = 0;
    let lastSyncTime = 0;
    while (kills < KILLS) {
      const { run } = await engine.rowcast.syncs.run(name);
      runs += 1;
      for (let inRun = 0; inRun < KILLS_PER_RUN && kills < KILLS; inRun += 1) {
        await sleep(random.next().value * 4_000);
        met[await stageOf(engine, run)] += 1;
        await engine.killWorker();
        engine.startWorker();
        kills += 1;
      }
      const ended = await engine.rowcast.imports.wait(run);
      expect(ended).toMatchObject({
        outcome: 'succeeded',
        rows: ROWS,
        delivered: ROWS,
        failed: 0,
        since: lastSyncTime,
      });
      expect(ended.until).toBeGreaterThan(lastSyncTime);
      lastSyncTime = ended.until ?? 0;
      expect((await engine.rowcast.syncs.get(name)).lastSyncTime).toBe(lastSyncTime);
      expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS * runs, violations: [] });
    }
    process.stdout.write(
      `      kills while reading ${met.extract}, delivering ${met.deliver}, else ${met.other}; ${runs} runs\n`,
    );

    const left = await engine.filesLeft();
    // A worker killed before it could put a file into a new folder leaves that empty; it goes with those of its run.
    expect(left.filter((file) => file.includes('chunk') && !file.endsWith('/chunks'))).toEqual([]);
    // That of the attempt that counted says what the columns of its calls are.
    const manifests = left.filter((file) => file.endsWith('manifest.json')).map((file) => file.split('/')[2]);
    expect(new Set(manifests).size).toBe(manifests.length);
    const { rows } = await engine.sql.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1`,
      [engine.database],
    );
    expect(rows).toEqual([]);
  },
);

async function stageOf({ temporal }: Engine, run: string): Promise<'extract' | 'deliver' | 'other'> {
  const { raw } = await temporal.workflow.getHandle(run.split('~')[0] ?? run).describe();
  const types = (raw.pendingActivities ?? []).map(({ activityType }) => activityType?.name);
  if (types.includes('extractRows')) return 'extract';
  return types.includes('deliverLanes') ? 'deliver' : 'other';
}
