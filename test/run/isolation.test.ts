import { afterEach, expect, test } from 'vitest';
import type { Fault } from '../../dev/receiver/fault.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import { until } from '../connectors/request.ts';
import { nobodyListens } from '../delivery/nobodyListens.ts';
import { startEngine, WRITE_KEY } from './engine.ts';
import type { Engine } from './engine.ts';

/* All syncs of dead destinations are due, and a sync of another destination runs, with the settings of production. */

/** Absent for the worker, so that it has its defaults. */
const PRODUCTION = {
  ROWCAST_HEARTBEAT_MS: undefined,
  ROWCAST_REQUEST_TIMEOUT_MS: undefined,
  ROWCAST_RETRY_BUDGET_MS: undefined,
};
const QUERY = `SELECT n AS "userId" FROM generate_series(1, 10) n`;
/** More than a busy machine needs, and less than half of what one request to a silent destination may take. */
const DELAY_MAX_MS = 12_000;

const receivers: Receiver[] = [];
afterEach(() => Promise.all(receivers.map((receiver) => receiver.stop())));

async function receiver(fault: Fault): Promise<Receiver> {
  const started = await Receiver.start({ writeKey: WRITE_KEY });
  receivers.push(started);
  started.misbehave(fault);
  return started;
}

test(
  'a sync is delivered within seconds while all syncs of three dead destinations are due',
  { timeout: 400_000 },
  async () => {
    await using engine = await startEngine({ env: PRODUCTION });
    const living = await engine.sync({ query: QUERY });
    const alone = await runMs(engine, living);
    const silent = await receiver({ kind: 'silence' });
    const broken = await receiver({ kind: 'answer', status: 500, body: 'out of order' });
    const dead: string[] = [];
    for (const [kind, count, url] of [
      ['silent', 40, silent.url],
      ['broken', 20, broken.url],
      ['refusing', 20, await nobodyListens()],
    ] as const) {
      dead.push(...(await allDue(engine, { like: living, kind, count, url })));
      const runs = [];
      for (let times = 0; times < 3; times += 1) runs.push(await runMs(engine, living));
      const beside = Math.max(...runs);
      process.stdout.write(
        `      ${alone} ms alone, ${beside} ms at most beside ${dead.length} syncs in trouble\n`,
      );
      expect(beside - alone).toBeLessThan(DELAY_MAX_MS);
    }
    for (const name of dead) expect((await engine.rowcast.syncs.get(name)).running).not.toBeNull();
    expect([...silent.log.calls, ...broken.log.calls]).toEqual([]);
  },
);

test(
  'a sync is delivered while slow syncs of another destination have more lanes due than their worker has slots',
  { timeout: 200_000 },
  async () => {
    const few = { ROWCAST_DELIVER_SLOTS: '4', ROWCAST_SMALL_RUN_ROWS: '100', ROWCAST_CHUNK_BYTES: '1024' };
    await using engine = await startEngine({ env: { ...PRODUCTION, ...few } });
    const quick = await engine.sync({ query: QUERY });
    // Minutes for each lane: a batch is of one chunk, so there are dozens, and four seconds for each.
    const query = `SELECT n AS "userId" FROM generate_series(1, 3000) n`;
    const slow = await receiver({ kind: 'slow', ms: 4_000 });
    const slows = await allDue(engine, { like: quick, kind: 'slow', count: 3, url: slow.url, query });
    await until(() => Promise.resolve(slow.requests >= 6));
    expect(await engine.run(quick)).toMatchObject({ outcome: 'succeeded', delivered: 10 });
    for (const name of slows) expect((await engine.rowcast.syncs.get(name)).running).not.toBeNull();
  },
);

async function runMs(engine: Engine, name: string): Promise<number> {
  const startMs = performance.now();
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 10 });
  return Math.round(performance.now() - startMs);
}

interface Due {
  /** A sync that they are like. */
  readonly like: string;
  readonly kind: string;
  readonly count: number;
  /** Of their destination. */
  readonly url: string;
  readonly query?: string;
}

/** Starts runs of syncs to a destination, and answers once all of them have read their rows and are to deliver. */
async function allDue(
  { rowcast, database, ...engine }: Engine,
  { like, kind, count, url, query = QUERY }: Due,
): Promise<string[]> {
  const { definition: sync } = await rowcast.syncs.get(like);
  const { definition: integration } = await rowcast.integrations.get(sync.integration);
  const { definition: destination } = await rowcast.destinations.get(integration.destination);
  const dead = `${kind}-${database.replace('_', '-')}`;
  await rowcast.destinations.update({ ...destination, name: dead, url });
  await rowcast.integrations.update({ ...integration, name: dead, destination: dead });
  const names = Array.from({ length: count }, (_, at) => `${dead}-${at}`);
  for (const name of names) {
    await rowcast.syncs.update({ ...sync, name, integration: dead, query }, { enabled: false });
  }
  await Promise.all(names.map((name) => rowcast.syncs.run(name)));
  const manifests = async () =>
    (await engine.filesLeft()).filter((file) => file.includes(`${dead}-`) && file.includes('manifest'));
  await until(async () => (await manifests()).length === count);
  return names;
}
