import { setTimeout as sleep } from 'node:timers/promises';
import { RowcastError } from '../../client/index.ts';
import type { ImportRecord } from '../../client/index.ts';
import { messageOf } from '../../errors.ts';
import { applyAll } from './definitions.ts';
import { openRuns } from './temporalActs.ts';
import type { World } from './world.ts';

/** Longer than anything that is still to come after a fault: time-outs of activities, and what they wait between tries. */
const PATIENCE_MS = 150_000;
const POLL_MS = 200;
/** Temporal has just been started again, and may not answer at once on a busy machine. */
const WORKER_TRIES = 3;

/** Ends all faults, brings everything back, and runs each sync twice with success. Answers what could not be had. */
export async function makeQuiet(world: World): Promise<string[]> {
  world.journal.note('quiet begins');
  world.receiver.misbehave();
  await world.turns.temporal(() => Promise.resolve());
  await world.turns.postgres(() => Promise.resolve());
  await world.turns.worker(async () => {
    const child = world.worker?.child;
    if (child?.exitCode === null && child.signalCode === null && !world.isSkewed) return;
    await world.stopWorker('SIGTERM');
    for (let tries = 1; !(await world.startWorker()); tries += 1) {
      if (tries === WORKER_TRIES) throw new Error('the worker does not start; see worker.log');
    }
  });
  const problems = await deletedAtLast(world);
  problems.push(...(await insisted('apply', () => applyAll(world, AbortSignal.timeout(60_000)))));
  world.journal.note('everything is applied again');
  problems.push(...(await noOpenRuns(world)));
  world.journal.note('no run is under way');
  const found = await Promise.all(world.plan.syncs.map(({ name }) => succeedTwice(world, name)));
  problems.push(...found.flat(), ...(await noOpenRuns(world)));
  world.journal.note('every sync has succeeded twice');
  return problems;
}

/** A delete that was never answered may be under way yet, and would take away what is applied now. */
async function deletedAtLast({ breaks, rowcast }: World): Promise<string[]> {
  const unanswered = breaks.filter(({ kind, untilMs }) => kind === 'delete' && untilMs === Infinity);
  const problems: string[] = [];
  for (const sync of new Set(unanswered.map((each) => each.sync))) {
    const remove = () => rowcast.syncs.delete(sync, AbortSignal.timeout(60_000)).catch(unlessMissing);
    problems.push(...(await insisted(`delete ${sync}`, remove)));
  }
  return problems;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof RowcastError) || error.code !== 'not_found') throw error;
}

/** Tries until it works, and says so where it does not. */
export async function insisted(what: string, task: () => Promise<unknown>): Promise<string[]> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await task();
      return [];
    } catch (error) {
      if (Date.now() > untilMs) return [`${what} does not work: ${messageOf(error)}`];
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
      // What a user is told to try again is tried again.
      if (!(error instanceof RowcastError) || !error.retryable) {
        return [`${sync} cannot be run in quiet: ${String((error as Error).stack)}`];
      }
      journal.note(`${sync} cannot be run yet: ${error.message}`);
      await sleep(POLL_MS);
      continue;
    }
    journal.note(`${last.run}: ${last.outcome} ${last.error ?? ''}`);
    if (last.outcome.startsWith('succeeded')) successes += 1;
  }
  return [];
}
