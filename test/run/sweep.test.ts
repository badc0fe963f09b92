import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Swept } from '../../storage/sweep.ts';
import { runFolder, sweepId } from '../../workflows/contract.ts';
import { failureOf } from '../connectors/request.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What is kept of runs, for how long, and what removes it. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Two rows, of which one fails. */
const QUERY = `SELECT n AS "userId", {{last_sync_time}} AS since FROM (VALUES ('a'), (NULL)) AS rows (n)`;

/** Has the storage swept now, by the Schedule that its worker made, and answers what was removed. */
async function sweep(storageId: string): Promise<Swept> {
  const handle = engine.temporal.schedule.getHandle(sweepId(storageId));
  const before = (await handle.describe()).info.numActionsTaken;
  await handle.trigger(ScheduleOverlapPolicy.SKIP);
  await until(async () => (await handle.describe()).info.numActionsTaken > before);
  const { action } = (await handle.describe()).info.recentActions.at(-1)!;
  return engine.temporal.workflow.getHandle(action.workflow.workflowId).result() as Promise<Swept>;
}

/** Files of a run that are in a storage as from long ago. */
function plant(folder: string, files: Readonly<Record<string, unknown>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(engine.storage, folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, JSON.stringify(content));
  }
}

test('the storage of a worker is swept by a Schedule: what is too old goes, and what lost runs and deletions left; what is young and the copies of state stay', async () => {
  const name = await engine.sync({ name: 'swept', query: QUERY });
  const { run } = await engine.run(name);
  const { storage } = await engine.rowcast.syncs.get(name);
  const old = runFolder(name, `rowcast-run-${name}-2026-01-01T00:00:00Z~first`);
  const lost = runFolder(name, `rowcast-run-${name}-2026-02-01T00:00:00Z~second`);
  plant(old, {
    'import.json': { version: 1, errorFiles: [`${old}/errors/0`], callFiles: [`${old}/calls/0`] },
    'errors/0': {},
    'calls/0': {},
  });
  plant(lost, { 'attempt/manifest.json': {}, 'attempt/chunks/0-000000': {} });
  plant('runs/nobodys/rowcast-run-nobodys-2026-01-01T000000Z=x', { 'attempt/manifest.json': {} });
  const imports = '20240101T000000.000Z=20240102T000000.000Z=50=failed.json';
  plant(`imports/${name}`, { [imports]: { version: 1, imports: [] } });

  expect(await sweep(storage.id)).toEqual({ errors: 1, calls: 1, lost: 1, imports: 1, objects: 6 });
  for (const folder of [old, lost, `imports/${name}`]) {
    expect(existsSync(join(engine.storage, folder)), folder).toBe(false);
  }
  expect(existsSync(join(engine.storage, 'runs', 'nobodys'))).toBe(true);
  expect(readdirSync(join(engine.storage, runFolder(name, run)))).toContain('import.json');
  expect(await Array.fromAsync(engine.rowcast.imports.errors(run))).toHaveLength(1);
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded_with_errors' });
  expect(await sweep(storage.id)).toEqual({ errors: 0, calls: 0, lost: 0, imports: 0, objects: 0 });
});

test('a sync that keeps nothing leaves no row in storage, and who asks for them is told so', async () => {
  const keep = { errors: 0, calls: 0 } as const;
  const name = await engine.sync({ name: 'nothing', query: QUERY, keep });
  const { run, failed } = await engine.run(name);
  expect(failed).toBe(1);
  expect((await engine.filesLeft()).filter((file) => file.includes(name))).toEqual([]);
  const errors = await failureOf(Array.fromAsync(engine.rowcast.imports.errors(run)));
  expect(errors.code).toBe('not_found');
  expect(errors.message).toBe(
    `The failed rows of the run ${run} are not kept: the sync ${name} keeps none (\`keep.errors\`).`,
  );
  const calls = await failureOf(Array.fromAsync(engine.rowcast.imports.calls(run)));
  expect(calls.message).toContain(`The calls of the run ${run} are not kept`);
});

test('a worker that starts again leaves the Schedule as somebody set it', async () => {
  const name = await engine.sync({ name: 'again', query: QUERY });
  const { storage } = await engine.rowcast.syncs.get(name);
  const handle = engine.temporal.schedule.getHandle(sweepId(storage.id));
  await handle.pause('by a test');
  await engine.killWorker();
  engine.startWorker();
  await engine.run(name);
  expect((await handle.describe()).state).toMatchObject({ paused: true, note: 'by a test' });
});
