import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFolder, runWorkflowIdPrefix, scheduleId, syncWorkflowId } from '../../workflows/contract.ts';
import type { RunFiles } from '../../storage/runFiles.ts';
import type { SyncPlan } from './syncs.ts';
import type { Truth } from './truth.ts';
import type { World } from './world.ts';

/** Nothing is left behind: in Temporal, in storage, in the database; and what was told holds. */
export async function checkLeft(world: World, truths: readonly Truth[]): Promise<string[]> {
  const found = await Promise.all([
    lasting(() => openWorkflows(world)),
    lasting(() => backends(world)),
    files(world, truths),
    ...world.plan.syncs.map((plan) => scheduleProblems(world, plan)),
  ]);
  return found.flat();
}

/** What ends takes its moment, on a busy machine a long one. */
const [LOOKS, LOOK_EVERY_MS] = [100, 300];

/** The problems that are still there after some looks. */
async function lasting(problems: () => Promise<string[]>): Promise<string[]> {
  for (let looks = 1; ; looks += 1) {
    const found = await problems();
    if (found.length === 0 || looks === LOOKS) return found;
    await sleep(LOOK_EVERY_MS);
  }
}

async function openWorkflows({ client, plan }: World): Promise<string[]> {
  const expected = [
    ...plan.syncs.map(({ name }) => syncWorkflowId(name)),
    ...['http', 'cio'].flatMap((name) => [`rowcast-integration-from-${name}`, `rowcast-destination-${name}`]),
  ];
  const query = `ExecutionStatus = 'Running' AND WorkflowType != 'temporal-sys-scheduler-workflow'`;
  const open = (await Array.fromAsync(client.workflow.list({ query }))).map(({ workflowId }) => workflowId);
  return [
    ...open.filter((id) => !expected.includes(id)).map((id) => `the workflow ${id} is left`),
    ...expected.filter((id) => !open.includes(id)).map((id) => `the workflow ${id} is missing`),
  ];
}

async function backends({ writer, reader }: World): Promise<string[]> {
  const rows = await writer.query(`SELECT pid FROM pg_stat_activity WHERE usename = '${reader}'`);
  return rows.length === 0 ? [] : ['a backend of a worker is left in PostgreSQL'];
}

const COPIES_MAX = 3;

async function files({ storage, wasKilled }: World, truths: readonly Truth[]): Promise<string[]> {
  const all = (await readdir(storage, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(storage.length + 1));
  const kept = new Set(['storage.json']);
  for (const { plan, imports } of truths) {
    for (const { run } of imports) {
      const index = `${runFolder(plan.name, run)}/import.json`;
      if (!all.includes(index)) continue;
      const indexed = JSON.parse(await readFile(join(storage, index), 'utf8')) as RunFiles;
      const { errorFiles, untriedFiles = [], callFiles, manifest = index } = indexed;
      for (const key of [index, ...errorFiles, ...untriedFiles, ...callFiles, manifest]) kept.add(key);
    }
  }
  const copies = Map.groupBy(
    all.filter((key) => key.startsWith('state/')),
    (key) => key.slice(0, key.lastIndexOf('/')),
  );
  return [
    ...all
      .filter((key) => !kept.has(key) && !key.startsWith('state/'))
      .filter((key) => !wasKilled || !key.startsWith('.temporary/'))
      .map((key) => `the file ${key} is left in storage`),
    ...[...kept].filter((key) => !all.includes(key)).map((key) => `the file ${key} is missing from storage`),
    ...[...copies].flatMap(([folder, keys]) =>
      keys.length > COPIES_MAX ? [`${folder} holds ${keys.length} copies`] : [],
    ),
  ];
}

async function scheduleProblems({ client, enabled }: World, { name }: SyncPlan): Promise<string[]> {
  const { state, action, policies } = await client.schedule.getHandle(scheduleId(name)).describe();
  const told = enabled.get(name);
  const problems: string[] = [];
  if (told !== null && told !== undefined && told === state.paused) {
    problems.push(
      `the sync ${name} was ${told ? 'enabled' : 'disabled'} last, but its Schedule is ${state.paused ? 'paused' : 'not paused'}`,
    );
  }
  if (action.workflowId !== runWorkflowIdPrefix(name) || action.args?.length !== 1) {
    problems.push(`the Schedule of ${name} is not healed: ${JSON.stringify(action)}`);
  }
  if (policies.overlap !== 'SKIP')
    problems.push(`the Schedule of ${name} has the overlap policy ${policies.overlap}`);
  return problems;
}
