import { expect, test } from 'vitest';
import { MESSAGES, syncWorkflowId } from '../../workflows/contract.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What is waited for, what is not, and for how long. */

test('a run waits while the workers of its storage are busy, however long that takes', async () => {
  const short = { ROWCAST_EXTRACT_SLOTS: '1', ROWCAST_STORAGE_WAIT_MS: '2000' };
  await using engine = await startEngine({ env: short });
  const slow = await engine.sync({
    name: 'slow',
    query: `SELECT 1 AS "userId" WHERE pg_sleep(9) IS NOT NULL`,
  });
  const quick = await engine.sync({ name: 'quick', query: `SELECT 1 AS "userId"` });
  const first = await engine.rowcast.syncs.run(slow);
  await expect.poll(() => activeFor(engine, '0 seconds'), { timeout: 20_000 }).toBeDefined();
  expect(await engine.run(quick)).toMatchObject({ outcome: 'succeeded', delivered: 1 });
  expect(await engine.rowcast.imports.wait(first.run)).toMatchObject({ outcome: 'succeeded' });
});

test('a run of many lanes delivers all of them, however few of them its worker takes at a time', async () => {
  const few = {
    ROWCAST_DELIVER_SLOTS: '1',
    ROWCAST_STORAGE_WAIT_MS: '2000',
    ROWCAST_SMALL_RUN_ROWS: '10',
  };
  await using engine = await startEngine({ env: few });
  const name = await engine.sync({ query: `SELECT n AS "userId" FROM generate_series(1, 1000) n` });
  engine.receiver.misbehave({ kind: 'slow', ms: 2_500 });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 1_000 });
  expect(engine.receiver.log.stats()).toMatchObject({ received: 1_000, distinct: 1_000, violations: [] });
});

test('a query during which the connection is lost every time fails its run', async () => {
  await using engine = await startEngine();
  const name = await engine.sync({
    query: `SELECT n AS "userId",
              CASE WHEN n = 20000 THEN pg_terminate_backend(pg_backend_pid())::text END AS gone
            FROM generate_series(1, 30000) n`,
  });
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'source_connection_lost', delivered: 0 });
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastSyncTime: 0, running: null });
  expect(engine.receiver.log.calls).toEqual([]);
});

test('a connection that is lost long after the source last answered is made again', async () => {
  await using engine = await startEngine({ env: { ROWCAST_SOURCE_PATIENCE_MS: '1000' } });
  const name = await engine.sync({
    query: `SELECT 1 AS "userId" WHERE pg_sleep(3) IS NOT NULL`,
  });
  const { run } = await engine.rowcast.syncs.run(name);
  await expect.poll(() => activeFor(engine, '2 seconds'), { timeout: 20_000 }).toBeDefined();
  await engine.sql.query('SELECT pg_terminate_backend($1)', [await activeFor(engine, '0 seconds')]);
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', delivered: 1 });
});

test('an update that holds nothing is refused, and the sync goes on', async () => {
  await using engine = await startEngine();
  const name = await engine.sync({ query: `SELECT 1 AS "userId"` });
  const { definition } = await engine.rowcast.syncs.get(name);
  const ids = [syncWorkflowId(name), `rowcast-integration-${definition.integration}`];
  for (const id of ids) {
    const handle = engine.temporal.workflow.getHandle(id);
    await expect(handle.executeUpdate(MESSAGES.apply)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('definition') as string },
    });
  }
  const handle = engine.temporal.workflow.getHandle(syncWorkflowId(name));
  for (const message of [MESSAGES.beginRun, MESSAGES.finishRun]) {
    await expect(handle.executeUpdate(message)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('run') as string },
    });
  }
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 1 });
});

/** The server process in which a run's query has been at work for so long. */
async function activeFor({ sql, database }: Engine, interval: string): Promise<number | undefined> {
  const { rows } = await sql.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = $1
       AND state = 'active' AND query LIKE '%pg_sleep%' AND query_start < clock_timestamp() - $2::interval`,
    [database, interval],
  );
  return rows[0]?.pid;
}
