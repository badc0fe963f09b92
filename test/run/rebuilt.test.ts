import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { integrationWorkflowId, syncWorkflowId } from '../../workflows/contract.ts';
import { failureOf } from '../connectors/request.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* The long-running workflows, lost and rebuilt from their copies in storage. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const QUERY = 'SELECT 1 AS "userId", {{last_sync_time}} AS since';

interface CopyFile {
  readonly number: number;
  readonly state: { readonly lastSyncTime: number };
}

function newestCopy(name: string): { path: string; copy: CopyFile } {
  const folder = join(engine.storage, 'state', 'sync', name);
  const path = join(folder, readdirSync(folder).sort().at(-1) ?? '');
  return { path, copy: JSON.parse(readFileSync(path, 'utf8')) as CopyFile };
}

test('a sync whose workflow was terminated is rebuilt with its last_sync_time, and says so', async () => {
  const name = await engine.sync({ name: 'lost', query: QUERY });
  const first = await engine.run(name);
  const { definition, revision, storage } = await engine.rowcast.syncs.get(name);
  await engine.terminate(syncWorkflowId(name));
  expect(await engine.rowcast.syncs.find(name)).toBeNull();

  const { change, notices } = await engine.rowcast.syncs.update(definition);
  expect(change).toBe('unchanged');
  expect(notices.join()).toMatch(
    new RegExp(
      `^The sync ${name} was taken over from copy \\d+ in storage, with last_sync_time ${first.until}\\.`,
    ),
  );
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({
    definition,
    revision,
    storage,
    lastSyncTime: first.until,
    lastImport: first,
  });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', since: first.until });
  expect((await engine.rowcast.syncs.update(definition)).notices).toEqual([]);
});

test('a run of a sync whose workflow was terminated brings it back, and goes on where it was', async () => {
  const name = await engine.sync({ name: 'gone', query: QUERY });
  const first = await engine.run(name);
  await engine.terminate(syncWorkflowId(name));
  await engine.temporal.schedule.getHandle(syncWorkflowId(name)).trigger();
  await until(async () => {
    const found = await engine.rowcast.syncs.find(name);
    return found?.running === null && found.lastImport?.run !== first.run;
  });
  const { definition, lastImport } = await engine.rowcast.syncs.get(name);
  expect(lastImport).toMatchObject({ outcome: 'succeeded', since: first.until });
  expect((await engine.rowcast.syncs.update(definition)).notices.join()).toContain(
    'was taken over from copy',
  );
});

test('a sync whose workflow is terminated before it answered: its run asks the one that takes its place, and a client is told to try again', async () => {
  const name = await engine.sync({ name: 'interrupted', query: QUERY });
  const first = await engine.run(name);
  const { definition } = await engine.rowcast.syncs.get(name);
  /** Terminates the sync once it cannot store what it is about to answer. */
  const interrupted = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const away = `${engine.storage}-away`;
    renameSync(engine.storage, away);
    const answer = ask();
    await until(() => isSaving(name));
    await engine.terminate(syncWorkflowId(name));
    renameSync(away, engine.storage);
    return answer;
  };
  const { run } = await interrupted(() => engine.rowcast.syncs.run(name));
  expect(await engine.rowcast.imports.wait(run)).toMatchObject({ outcome: 'succeeded', since: first.until });

  const changed = { ...definition, title: 'Another' };
  const failure = await interrupted(() => failureOf(engine.rowcast.syncs.update(changed)));
  expect(failure).toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('try again') as string,
  });
  expect(await engine.rowcast.syncs.update(changed)).toMatchObject({ change: 'updated' });
});

async function isSaving(sync: string): Promise<boolean> {
  const { raw } = await engine.temporal.workflow.getHandle(syncWorkflowId(sync)).describe();
  return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'saveCopy') === true;
}

test('a run whose integration is gone says so in its import, and the next one after `apply` has all rows', async () => {
  const name = await engine.sync({ name: 'orphan', query: QUERY });
  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.terminate(integrationWorkflowId(definition.integration));
  const failed = await engine.run(name);
  expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'not_found', since: 0 });
  expect(failed.error).toContain(`${integrationWorkflowId(definition.integration)} is not running`);
  expect(failed.error).toContain('`rowcast apply`');
  expect((await engine.rowcast.syncs.get(name)).running).toBeNull();

  await engine.sync({ name: 'orphan', query: QUERY });
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: 1, since: 0 });
});

test('a living workflow wins over a copy in storage, whatever its number', async () => {
  const name = await engine.sync({ name: 'living', query: QUERY });
  const first = await engine.run(name);
  const { path, copy } = newestCopy(name);
  const forged = { ...copy, number: 900, state: { ...copy.state, lastSyncTime: 7, copy: 900 } };
  writeFileSync(path.replace(/\d+\.json$/, '000000000900.json'), JSON.stringify(forged));

  const second = await engine.run(name);
  expect(second).toMatchObject({ outcome: 'succeeded', since: first.until });
  const newest = newestCopy(name).copy;
  expect(newest.number).toBeGreaterThan(900);
  expect(newest.state.lastSyncTime).toBe(second.until);

  const { definition } = await engine.rowcast.syncs.get(name);
  await engine.terminate(syncWorkflowId(name));
  const { notices } = await engine.rowcast.syncs.update(definition);
  expect(notices.join()).toContain(`with last_sync_time ${second.until}`);
});

test('a living workflow wins over copies that are older than it, such as those of a backup', async () => {
  const name = await engine.sync({ name: 'restored', query: QUERY });
  const old = newestCopy(name);
  const kept = readFileSync(old.path);
  await engine.run(name);
  const second = await engine.run(name);
  rmSync(dirname(old.path), { recursive: true });
  mkdirSync(dirname(old.path));
  writeFileSync(old.path, kept);

  const third = await engine.run(name);
  expect(third).toMatchObject({ outcome: 'succeeded', since: second.until });
  expect(newestCopy(name).copy.state.lastSyncTime).toBe(third.until);
});

test('a sync whose newest copy is damaged says so when it is applied, and is rebuilt once that copy is removed', async () => {
  const name = await engine.sync({ name: 'damaged', query: QUERY });
  const first = await engine.run(name);
  const { definition } = await engine.rowcast.syncs.get(name);
  const { path } = newestCopy(name);
  await engine.terminate(syncWorkflowId(name));
  const damaged = path.replace(/\d+\.json$/, '000000000900.json');
  writeFileSync(damaged, '{');
  const failure = await failureOf(engine.rowcast.syncs.update(definition));
  expect(failure.code).toBe('storage_corrupt');
  expect(failure.message).toMatch(/^The copy state\/sync\/.*\/000000000900\.json in .* is damaged/);
  expect(await engine.rowcast.syncs.find(name)).toBeNull();

  rmSync(damaged);
  await engine.rowcast.syncs.update(definition);
  expect(await engine.rowcast.syncs.get(name)).toMatchObject({ lastSyncTime: first.until });
});
