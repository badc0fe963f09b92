import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportRecord } from '../../client/index.ts';
import { messageOf } from '../../errors.ts';
import { applyAll } from './definitions.ts';
import { openRuns } from './temporalActs.ts';
import type { World } from './world.ts';

/** Longer than anything that is still to come after a fault: time-outs of activities, and what they wait between tries. */
const PATIENCE_MS = 150_000;
const POLL_MS = 200;

/** Ends all faults, brings everything back, and runs each sync twice with success. Answers what could not be had. */
export async function makeQuiet(world: World): Promise<string[]> {
  world.journal.note('quiet begins');
  world.receiver.misbehave();
  await world.turns.temporal(() => Promise.resolve());
  await world.turns.postgres(() => Promise.resolve());
  await world.turns.worker(async () => {
    if (world.worker !== null && world.worker.child.exitCode === null && !world.isSkewed) return;
    await world.stopWorker('SIGTERM');
    if (!(await world.startWorker())) throw new Error('the worker does not start; see worker.log');
  });
  const problems = await insisted('apply', () => applyAll(world, AbortSignal.timeout(60_000)));
  world.journal.note('everything is applied again');
  problems.push(...(await noOpenRuns(world)));
  world.journal.note('no run is under way');
  const found = await Promise.all(world.plan.syncs.map(({ name }) => succeedTwice(world, name)));
  problems.push(...found.flat(), ...(await noOpenRuns(world)));
  world.journal.note('every sync has succeeded twice');
  return problems;
}

/** Tries until it works. */
async function insisted(what: string, task: () => Promise<unknown>): Promise<string[]> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await task();
      return [];
    } catch (error) {
      if (Date.now() > untilMs) return [`${what} does not work in quiet: ${messageOf(error)}`];
      await sleep(POLL_MS);
    }
  }
}

async function noOpenRuns(world: World): Promise<string[]> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const open = await openRuns(world);
    if (open.length === 0) return [];
    if (Date.now() > untilMs) return open.map((run) => `the run ${run} does not end in quiet`);
    await sleep(POLL_MS);
  }
}

async function succeedTwice(world: World, sync: string): Promise<string[]> {
  const { rowcast, journal } = world;
  const untilMs = Date.now() + PATIENCE_MS;
  let last: ImportRecord | null = null;
  for (let successes = 0; successes < 2;) {
    if (Date.now() > untilMs)
      return [`${sync} does not succeed in quiet: ${last?.error ?? 'it did not run'}`];
    try {
      const { run } = await rowcast.syncs.run(sync);
      last = await rowcast.imports.wait(run, AbortSignal.timeout(PATIENCE_MS));
    } catch (error) {
      return [`${sync} cannot be run in quiet: ${String((error as Error).stack)}`];
    }
    journal.note(`${last.run}: ${last.outcome} ${last.error ?? ''}`);
    if (last.outcome.startsWith('succeeded')) successes += 1;
  }
  return [];
}
