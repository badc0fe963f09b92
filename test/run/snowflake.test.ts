import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSnowflakeDatabase, PASSWORD, peerAccount } from '../connectors/snowflakeDatabase.ts';
import type { SnowflakeDatabase } from '../connectors/snowflakeDatabase.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine, SyncFields } from './engine.ts';
import { sent } from './sent.ts';

/* Whole runs from Snowflake's side. */

const PEER = await peerAccount();
const peer = PEER.peer!;

describe.skipIf(PEER.account === null)(`${PEER.name}:`, () => {
  let database: SnowflakeDatabase;
  let engine: Engine;

  beforeAll(async () => {
    database = await createSnowflakeDatabase(PEER, 1_000);
    const people = `${database.config().schema}.people`;
    await database.run(
      `CREATE TABLE ${people} (id NUMBER(38, 0), email VARCHAR, plan VARCHAR, last_updated TIMESTAMP_NTZ)`,
    );
    await database.run(
      `INSERT INTO ${people} VALUES (1, 'ada@example.com', 'pro', SYSDATE()), (2, 'bob@example.com', NULL, SYSDATE())`,
    );
    engine = await startEngine({ env: { ROWCAST_SECRET_READER: PASSWORD, TZ: 'America/St_Johns' } });
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await database.drop();
    await peer.stop();
  });

  const sync = (fields: SyncFields) => engine.sync({ ...fields, source: database.config() });

  test('names in capitals are lower-cased, and what did not change is not sent again', async () => {
    const name = await sync({
      name: 'people',
      query: `SELECT id AS userId, email, plan, 'x' AS "firstName", id AS "cart.items"
FROM people
WHERE DATE_PART(EPOCH_SECOND, last_updated) > {{last_sync_time}}`,
    });
    expect(await sent(engine, name)).toMatchObject([
      { userId: '1', traits: { email: 'ada@example.com', plan: 'pro', firstName: 'x', cart: { items: 1 } } },
      { userId: '2', traits: { email: 'bob@example.com', plan: null } },
    ]);
    expect(await sent(engine, name)).toEqual([]);
  });

  test.each<[string, NodeJS.Signals, number]>([
    ['dies', 'SIGKILL', 12],
    ['is stopped in order', 'SIGTERM', 13],
  ])(
    'a query under way when its worker %s is not paid for twice, and moves last_sync_time to when it began',
    async (_, end, seconds) => {
      const wait = `SYSTEM$WAIT(${seconds})`;
      const name = await sync({ name: `long-${seconds}`, query: `SELECT ${wait} AS userId` });
      const before = (await peer.state()).counts.queries;
      const { run } = await engine.rowcast.syncs.run(name);
      // Until Temporal knows of the query, and not just the worker.
      await until(async () => JSON.stringify(await heartbeatOf(run)).includes('"query":{"id"'));
      const known = Math.floor(Date.now() / 1_000);
      await engine.worker.stop(end);
      engine.startWorker();
      const ended = await engine.rowcast.imports.wait(run);
      expect(ended).toMatchObject({ outcome: 'succeeded', rows: 1, delivered: 1 });
      expect(ended.until).toBeLessThanOrEqual(known);
      const statements = (await peer.state()).seen.filter(({ sql }) => sql.includes(wait));
      // One description, and one run.
      expect(statements).toHaveLength(2);
      expect((await peer.state()).counts.queries).toBeGreaterThan(before);
    },
  );

  async function heartbeatOf(run: string): Promise<unknown> {
    const { raw } = await engine.temporal.workflow.getHandle(run.split('~')[0] ?? run).describe();
    const details = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
    return details ? JSON.parse(Buffer.from(details).toString()) : null;
  }
});
