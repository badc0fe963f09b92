import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { writeCopy } from '../../storage/copies.ts';
import { openStorage } from '../../storage/open.ts';
import type { Storage } from '../../storage/storage.ts';
import { SyncWatch } from '../../worker/syncWatch.ts';

const CREATED = '2026-11-20T00:00:00.000Z';
const seconds = (time: string) => Date.parse(time) / 1_000;
const run = (outcome: string, endedAt: string | null, trigger = 'schedule') => ({
  ...{ run: `${outcome} ${endedAt ?? ''}`, outcome, endedAt, trigger },
});

let storage: Storage;
let reads: string[];
let schedules: { scheduleId: string; state: { paused: boolean }; info: { nextActionTimes: Date[] } }[];
let gauges: Record<string, number>;
let said: string[];
let watch: SyncWatch;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-watch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  storage = await openStorage(folder);
  reads = [];
  schedules = [];
  gauges = {};
  said = [];
  const counted = {
    identity: storage.identity,
    list: (prefix: string) => storage.list(prefix),
    get: (key: string) => (reads.push(key), storage.get(key)),
  } as Storage;
  watch = new SyncWatch({
    storage: counted,
    schedules: async function* () {
      yield* await Promise.resolve(schedules);
    },
    gauges: {
      lastSuccess: (sync, at) => (gauges[`${sync} succeeded`] = at),
      enabled: (sync, isEnabled) => (gauges[`${sync} enabled`] = Number(isEnabled)),
      interval: (sync, each) => (gauges[`${sync} interval`] = each),
    },
    log: { warn: (message) => said.push(message) },
  });
});

const save = (name: string, number: number, state: object) =>
  writeCopy(storage, 'sync', name, {
    number,
    state: { createdAt: CREATED, imports: [], lastSyncTime: 0, ...state },
  });

function schedule(name: string, paused: boolean, ...times: string[]): void {
  const info = { nextActionTimes: times.map((time) => new Date(time)) };
  schedules = [
    ...schedules.filter(({ scheduleId }) => scheduleId !== `rowcast-sync-${name}`),
    { scheduleId: `rowcast-sync-${name}`, state: { paused }, info },
  ];
}

test('a sync last succeeded when its newest successful run ended, whichever worker that was on', async () => {
  const imports = [
    run('succeeded', '2026-11-24T00:00:00Z'),
    run('succeeded_with_errors', '2026-11-25T00:00:00Z'),
    run('succeeded', '2026-11-25T01:00:00Z', 'retry'),
    run('failed', '2026-11-25T02:00:00Z'),
  ];
  await save('people', 1, { imports });
  await save('new', 1, {});
  await save('failing', 7, { imports: [run('failed', '2026-11-25T02:00:00Z')], lastSyncTime: 1_700_000_000 });
  await watch.look();
  expect(gauges).toMatchObject({
    'people succeeded': seconds('2026-11-25T00:00:00Z'),
    'new succeeded': seconds(CREATED),
    'failing succeeded': 1_700_000_000,
  });
  expect(reads).toHaveLength(3);
  await save('people', 2, { imports: [...imports, run('succeeded', '2026-11-25T03:00:00Z')] });
  await watch.look();
  expect(gauges['people succeeded']).toBe(seconds('2026-11-25T03:00:00Z'));
  expect(reads).toHaveLength(4); // What did not change is not read again.
});

test('a copy that is damaged is said once, and hides neither what was known of its sync nor any other sync', async () => {
  const succeeded = { imports: [run('succeeded', '2026-11-24T00:00:00Z')] };
  await save('damaged', 1, succeeded);
  schedule('damaged', false);
  schedule('strange', false);
  await watch.look();
  await storage.put('state/sync/damaged/000000000002.json', Buffer.from('{"version":1,'));
  await storage.put(
    'state/sync/strange/000000000001.json',
    Buffer.from('{"version":1,"number":1,"state":{}}'),
  );
  await save('whole', 1, succeeded);
  await watch.look();
  await watch.look();
  expect(gauges).toMatchObject({ 'whole succeeded': seconds('2026-11-24T00:00:00Z'), 'whole enabled': 0 });
  expect(gauges).toMatchObject({
    'damaged succeeded': seconds('2026-11-24T00:00:00Z'),
    'damaged enabled': 1,
  });
  expect(gauges).toMatchObject({ 'strange enabled': 1 });
  expect(said).toEqual([
    expect.stringMatching(
      /^The last success of the sync damaged .*\/damaged\/000000000002\.json in .* is damaged/,
    ),
    expect.stringMatching(
      /^The last success of the sync strange .*\/strange\/000000000001\.json holds no sync/,
    ),
  ]);
  await save('damaged', 3, { imports: [run('succeeded', '2026-11-25T00:00:00Z')] });
  await watch.look();
  expect(gauges).toMatchObject({ 'damaged succeeded': seconds('2026-11-25T00:00:00Z') });
});

test('a sync is enabled unless its Schedule is paused or gone, or it was deleted', async () => {
  for (const name of ['people', 'paused', 'orphan', 'deleted']) await save(name, 1, {});
  schedule('people', false, '2026-11-27T09:00:00Z', '2026-11-30T09:00:00Z', '2026-12-01T09:00:00Z');
  schedule('paused', true, '2026-11-27T09:00:00Z', '2026-11-27T09:05:00Z');
  schedule('deleted', false, '2026-11-27T09:00:00Z');
  schedule('of-another-storage', false);
  await watch.look();
  const weekend = 3 * 86_400;
  expect(gauges).toMatchObject({ 'people enabled': 1, 'people interval': weekend });
  expect(gauges).toMatchObject({ 'paused enabled': 0, 'paused interval': 300 });
  expect(gauges).toMatchObject({ 'orphan enabled': 0, 'deleted enabled': 1 });
  expect(gauges).not.toHaveProperty('deleted interval');
  expect(gauges).not.toHaveProperty('of-another-storage enabled');
  await save('deleted', 2, { deletedAt: CREATED });
  schedule('paused', false);
  await watch.look();
  expect(gauges).toMatchObject({ 'deleted enabled': 0, 'paused enabled': 1, 'paused interval': 300 });
});
