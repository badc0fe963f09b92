import { expect, test } from 'vitest';
import { startServer } from '../../dev/process.ts';
import { scheduleId, syncWorkflowId } from '../../workflows/contract.ts';
import { failureOf } from '../connectors/request.ts';
import { until } from '../until.ts';
import { startEngine, workerReady } from './engine.ts';
import type { Engine } from './engine.ts';

/* Two workers with storages of their own, on one task queue: either may answer, but a sync stays with its storage. */

const QUERY = 'SELECT n AS "userId", {{last_sync_time}} AS since FROM generate_series(1, 5) n';

const startImpatient = () => startEngine({ env: { ROWCAST_STORAGE_WAIT_MS: '2000' } });

/** Starts a second worker, with another storage. */
async function startOther(engine: Engine) {
  const logFile = `${engine.workerLog}-other`;
  const env = { ...engine.env, ROWCAST_STORAGE: `${engine.storage}-other` };
  const worker = startServer({ command: process.execPath, args: ['worker.ts'], env, logFile });
  await workerReady(worker, logFile);
  return { stop: () => worker.stop('SIGKILL') };
}

// Side by side: most of their time they wait until Temporal takes a worker for gone.
test.concurrent(
  'a sync that was lost is taken over from the storage that it had, whichever worker answers',
  async () => {
    await using engine = await startImpatient();
    const name = await engine.sync({ query: QUERY });
    const first = await engine.run(name);
    const { definition, storage } = await engine.rowcast.syncs.get(name);
    const other = await startOther(engine);
    try {
      let since = first.until;
      // Which of the two answers is by chance.
      for (let times = 0; times < 6; times += 1) {
        await engine.terminate(syncWorkflowId(name));
        const { change } = await engine.rowcast.syncs.update(definition);
        expect(change).toBe('unchanged');
        expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastSyncTime: since, storage });
        const ended = await engine.run(name);
        expect(ended).toMatchObject({ outcome: 'succeeded', since });
        since = ended.until;
      }
    } finally {
      await other.stop();
    }
  },
);

test.concurrent(
  'a sync whose storage has no worker does not start from 0 in another one: apply says so, and goes on once it is back',
  async () => {
    await using engine = await startImpatient();
    const name = await engine.sync({ query: QUERY });
    const first = await engine.run(name);
    const { definition, storage } = await engine.rowcast.syncs.get(name);
    const { received } = engine.receiver.log.stats();
    await engine.terminate(syncWorkflowId(name));
    const other = await startOther(engine);
    await engine.killWorker();
    // A worker that was there a moment ago is asked first; it takes its time to count as gone.
    const gone = await failureOf(engine.rowcast.syncs.update(definition));
    expect(gone.code).toBe('storage_unreachable');
    expect(gone.message).toContain(
      `the storage ${storage.id} was there a moment ago but does not answer now`,
    );

    engine.startWorker();
    await until(async () => (await engine.rowcast.syncs.update(definition).catch(() => null)) !== null);
    await other.stop();
    expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: first.until });
    expect(engine.receiver.log.stats().received).toBe(received + 5);
  },
);

test.concurrent(
  'a sync that has a Schedule, but no copy in any storage, is not created anew until the Schedule is deleted',
  async () => {
    await using engine = await startImpatient();
    const name = await engine.sync({ query: QUERY });
    await engine.run(name);
    const { definition } = await engine.rowcast.syncs.get(name);
    await engine.terminate(syncWorkflowId(name));
    const other = `${engine.storage}-other`;
    await engine.killWorker();
    engine.startWorker({ ROWCAST_STORAGE: other });
    let failure = await failureOf(engine.rowcast.syncs.update(definition));
    // For a minute Temporal takes the worker that was killed for one that is there.
    await until(async () => {
      failure = await failureOf(engine.rowcast.syncs.update(definition));
      return failure.code === 'storage_mismatch';
    });
    expect(failure.message).toContain(`no copy of its state is in the storage of any worker that is there`);
    expect(failure.message).toContain(other);
    expect(failure.message).toContain(`temporal schedule delete --schedule-id ${scheduleId(name)}`);
    expect(await engine.temporal.schedule.getHandle(scheduleId(name)).describe()).toBeDefined();

    await engine.temporal.schedule.getHandle(scheduleId(name)).delete();
    const fresh = await engine.rowcast.syncs.update(definition, { enabled: false });
    expect(fresh).toMatchObject({ change: 'created', notices: [] });
  },
  240_000,
);
