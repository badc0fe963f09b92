import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fakeClock } from './fakeClock.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Which rows a window covers, and whose clock says so. */

const sourceSecond = async ({ sql }: Engine) => {
  const { rows } = await sql.query<{ now: number }>(
    'SELECT floor(extract(epoch FROM clock_timestamp()))::int AS now',
  );
  return rows[0]?.now ?? 0;
};

test('a row that changes in the second in which the query began, after it began, arrives with the next run', async () => {
  await using engine = await startEngine();
  await engine.sql.query(`
    CREATE TABLE people AS SELECT n AS id, 'old' AS plan, now() - interval '1 hour' AS updated FROM generate_series(1, 50) n`);
  const name = await engine.sync({
    // It reads its snapshot, and then takes its time.
    query: `SELECT id AS "userId", plan, floor(extract(epoch FROM updated))::bigint AS second FROM people, pg_sleep(1.5)
            WHERE floor(extract(epoch FROM updated)) > {{last_sync_time}}`,
  });
  for (let round = 1; round <= 3; round += 1) {
    const before = engine.receiver.log.calls.length;
    const { run } = await engine.rowcast.syncs.run(name);
    let began: number | null = null;
    while (began === null) {
      const { rows } = await engine.sql.query<{ began: number }>(
        `SELECT floor(extract(epoch FROM query_start))::int AS began FROM pg_stat_activity
         WHERE application_name = 'rowcast' AND datname = $1 AND wait_event = 'PgSleep'`,
        [engine.database],
      );
      began = rows[0]?.began ?? null;
    }
    const changed = await engine.sql.query<{ second: number }>(
      `UPDATE people SET plan = 'round ${round}', updated = clock_timestamp() WHERE id = ${round}
       RETURNING floor(extract(epoch FROM updated))::int AS second`,
    );
    const ended = await engine.rowcast.imports.wait(run);
    expect(ended.outcome).toBe('succeeded');
    // What was changed while the query ran is not in this window, whichever second it fell into …
    expect(ended.until).toBeLessThan(began);
    expect(changed.rows[0]?.second).toBeGreaterThanOrEqual(began);
    const sent = engine.receiver.log.calls.slice(before);
    expect(sent.filter((call) => (call['traits'] as { plan: string }).plan === `round ${round}`)).toEqual([]);
    // … and it is in the next one, alone.
    expect(sent).toHaveLength(round === 1 ? 50 : 1);
  }
  await engine.run(name);
  const plans = engine.receiver.log.calls.map((call) => (call['traits'] as { plan: string }).plan);
  for (const round of [1, 2, 3]) expect(plans.filter((plan) => plan === `round ${round}`)).toHaveLength(1);
});

const clock = fakeClock();

for (const shift of ['+1h', '-1h']) {
  test.skipIf(clock === null)(
    `last_sync_time is the source's clock where the worker's is off by ${shift} (skipped where the package libfaketime cannot be had)`,
    async () => {
      const env = { ...clock, FAKETIME: shift };
      const workerNow = Number(
        execFileSync(process.execPath, ['-p', 'Date.now()'], { env: { ...process.env, ...env } }),
      );
      expect(Math.abs(workerNow - Date.now())).toBeGreaterThan(3_500_000);
      await using engine = await startEngine({ env });
      const name = await engine.sync({
        query: `SELECT 1 AS "userId", {{last_sync_time}} AS since`,
      });
      const earliest = await sourceSecond(engine);
      const first = await engine.run(name);
      const latest = await sourceSecond(engine);
      expect(first.outcome).toBe('succeeded');
      expect(first.until).toBeGreaterThanOrEqual(earliest - 1);
      expect(first.until).toBeLessThanOrEqual(latest);
      await sleep(10);
      const second = await engine.run(name);
      expect(second.since).toBe(first.until);
      const [, call] = engine.receiver.log.calls;
      expect(call?.['traits']).toEqual({ since: first.until });
    },
  );
}
