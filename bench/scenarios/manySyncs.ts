import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportRecord } from '../../client/index.ts';
import { parseRunName, scheduleId } from '../../workflows/contract.ts';
import type { Bench } from '../contestants/contestant.ts';
import { RUN_MAX_MS } from '../engine.ts';
import type { Engine } from '../engine.ts';
import { cpuMsOf, forgetPeak, peakMbOf } from '../processes.ts';
import { Receiver } from '../received.ts';
import { narrow } from '../tables.ts';
import type { Scenario, ScenarioOptions } from './scenario.ts';
import { missingOf, skippedOf, together, wordsOf } from './found.ts';
import type { Found } from './found.ts';
import { checkRuns, lengthOf, makeSync, quantile, seconds, startSetting } from './setting.ts';

const SYNCS = 100;
const ROWS = 100;
const MINUTE_MS = 60_000;
/** So old is a minute when watching begins and ends: a slow machine is still starting runs after half of it. */
const BETWEEN_S = 50;

/** A hundred small syncs that are all due in the same second of each minute. */
export const manySyncs: Scenario = {
  name: 'many syncs',
  async run(bench, options) {
    await using stack = options.running.use(new AsyncDisposableStack());
    const receiver = await Receiver.start();
    stack.defer(() => receiver.stop());
    const engine = await startSetting(bench, {
      name: 'many-syncs',
      destinations: { receiver: receiver.url },
    });
    stack.defer(() => engine.stop());
    const names = await makeSyncs(bench, engine);
    const load = await measureLoad(engine, names, options.minutes);
    const runs: ImportRecord[] = [];
    for (const name of names) for await (const run of engine.client.imports.list(name)) runs.push(run);
    const missing = missingOf(SYNCS * options.minutes, runs);
    const found = together([await checkRuns(runs, ROWS, [receiver]), { wrong: missing, twice: 0 }]);
    return { section: sectionOf({ runs, load, found }, options), wrong: found.wrong };
  },
};

async function makeSyncs(bench: Bench, engine: Engine): Promise<string[]> {
  const { query } = await bench.make(narrow(ROWS));
  const names = Array.from({ length: SYNCS }, (_none, at) => `sync-${at + 1}`);
  for (const name of names)
    await makeSync(engine, { name, destination: 'receiver', query, cron: '* * * * *' });
  return names;
}

interface Load {
  /** Shares of a core. */
  readonly worker: number;
  readonly server: number;
  readonly peakMb: number;
}

/** Lets the syncs be due so many times, and waits until all their runs have ended. */
async function measureLoad(
  { temporal, workers, temporalPid = 0 }: Engine,
  names: readonly string[],
  minutes: number,
): Promise<Load> {
  const workerPid = workers[0]?.child.pid ?? 0;
  const cpu = () => [cpuMsOf(workerPid) ?? NaN, cpuMsOf(temporalPid) ?? NaN] as const;
  // Temporal alone is asked, and between two minutes, so that all begin and end with the same one however busy the worker is.
  const schedules = names.map((name) => temporal.schedule.getHandle(scheduleId(name)));
  await secondsPast(BETWEEN_S);
  await Promise.all(schedules.map((schedule) => schedule.unpause()));
  forgetPeak(workerPid);
  const [beginMs, before] = [performance.now(), cpu()];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await sleep(MINUTE_MS / 2);
    await secondsPast(BETWEEN_S);
    console.log(`many syncs: minute ${minute} of ${minutes}`);
  }
  const [ms, after] = [performance.now() - beginMs, cpu()];
  await Promise.all(schedules.map((schedule) => schedule.pause()));
  const signal = AbortSignal.timeout(RUN_MAX_MS);
  for (const schedule of schedules) {
    while ((await schedule.describe()).info.runningActions.length > 0)
      await sleep(500, undefined, { signal });
  }
  const [worker, server] = [(after[0] - before[0]) / ms, (after[1] - before[1]) / ms];
  return { worker, server, peakMb: peakMbOf(workerPid) ?? NaN };
}

/** Waits until a minute is so many seconds old. */
async function secondsPast(second: number): Promise<void> {
  await sleep((MINUTE_MS + second * 1_000 - (Date.now() % MINUTE_MS)) % MINUTE_MS);
}

/** When a run was due: its Schedule puts that into the id of the workflow. */
function dueMsOf({ run }: ImportRecord): number {
  const workflowId = parseRunName(run)?.workflowId ?? '';
  return Date.parse(/\d{4}-\d\d-\d\dT[\d:]+Z$/.exec(workflowId)?.[0] ?? '');
}

interface Outcome {
  readonly runs: readonly ImportRecord[];
  readonly load: Load;
  readonly found: Found;
}

function sectionOf({ runs, load, found }: Outcome, { minutes }: ScenarioOptions): string {
  const lineOf = (what: string, values: readonly number[]) =>
    `| ${[what, ...[50, 95, 100].map((percent) => seconds(quantile(values, percent)))].join(' | ')} |`;
  const failed = runs.filter(({ outcome }) => outcome !== 'succeeded').length;
  const rows = runs.reduce((sum, run) => sum + (run.rows ?? 0), 0);
  const share = (of: number) => `${(of * 100).toFixed(0)} %`;
  return `## ${SYNCS} syncs due each minute

${SYNCS} syncs of ${ROWS} rows, all by the cron \`* * * * *\` and so due in the same second, for ${minutes} minutes on one worker and the dev server: ${runs.length.toLocaleString('en-US')} runs took place, of which ${failed} failed, and ${skippedOf(runs).toLocaleString('en-US')} that were due were skipped; ${rows.toLocaleString('en-US')} rows were read, and ${wordsOf(found)}. The worker took ${share(load.worker)} of a core on average and ${load.peakMb.toFixed(0)} MB at most, the server ${share(load.server)} of a core.

| seconds | median | 95 of 100 | at most |
| --- | --: | --: | --: |
${lineOf(
  'from when a run was due to its start',
  runs.map((run) => Date.parse(run.startedAt) - dueMsOf(run)),
)}
${lineOf('from its start to its end', runs.map(lengthOf))}
${lineOf(
  'from when it was due to its end',
  runs.map((run) => Date.parse(run.endedAt ?? '') - dueMsOf(run)),
)}
`;
}
