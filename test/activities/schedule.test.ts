import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applySchedule } from '../../activities/schedule.ts';
import { SyncDefinition } from '../../definitions/sync.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { until } from '../until.ts';
import { ownServers } from '../ownServers.ts';

let client: Client;
beforeAll(async () => {
  client = new Client({ connection: await Connection.connect({ address: ownServers().temporal.address }) });
});
afterAll(() => client.connection.close());

test('a new sync whose Schedule was created by an attempt that died before it started the first run has it started', async () => {
  const name = `attempted-${randomUUID().slice(0, 8)}`;
  const definition = SyncDefinition.parse({
    name,
    integration: 'nothing',
    type: 'identify',
    query: 'SELECT 1 AS "userId"',
    every: '1 hour',
  });
  const input = { definition, before: null, createdAt: new Date().toISOString() };
  const attempt = (enabled: boolean) =>
    new MockActivityEnvironment({}, { client }).run(() => applySchedule({ ...input, enabled }, name));
  const handle = client.schedule.getHandle(scheduleId(name));
  const started = async () => (await handle.describe()).info.numActionsTaken;
  try {
    await attempt(false); // Created, and nothing started.
    expect(await started()).toBe(0);
    await attempt(true);
    await until(async () => (await started()) === 1);
    await attempt(true);
    expect(await started()).toBe(1);
  } finally {
    await handle.delete();
  }
});
