import type { ImportRecord } from '../../client/index.ts';
import { parseRunName } from '../../workflows/contract.ts';
import type { Engine } from '../engine.ts';
import { Receiver } from '../received.ts';
import { narrow } from '../tables.ts';
import type { Scenario } from './scenario.ts';
import { together, wordsOf } from './found.ts';
import type { Found } from './found.ts';
import { checkRuns, makeSync, quantile, runSync, seconds, startSetting } from './setting.ts';

/** More than a single activity delivers. */
const ROWS = 1_500_000;
const ROUNDS = 3;

/** One large run, and two at once, on one worker and on two that share a storage. */
export const twoWorkers: Scenario = {
  name: 'two workers',
  async run(bench, options) {
    await using stack = options.running.use(new AsyncDisposableStack());
    const receiver = await Receiver.start();
    stack.defer(() => receiver.stop());
    const { query } = await bench.make(narrow(ROWS));
    const sides: Side[] = [];
    for (const workers of [1, 2]) {
      const engine = await startSetting(bench, {
        name: `${workers}-workers`,
        workers,
        destinations: { receiver: receiver.url },
      });
      stack.defer(() => engine.stop());
      for (const name of ['first', 'second'])
        await makeSync(engine, { name, destination: 'receiver', query });
      sides.push({ engine, alone: [], together: [] });
    }
    const found: Found[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const { engine, alone, together } of sides) {
        for (const [names, kept] of [
          [['first'], alone],
          [['first', 'second'], together],
        ] as const) {
          await receiver.forget();
          const moved = await moveAtOnce(engine, names);
          kept.push(moved);
          found.push(await checkRuns(moved.runs, ROWS, [receiver]));
          console.log(`two workers: ${engine.workers.length}, ${names.length} runs, ${seconds(moved.ms)} s`);
        }
      }
    }
    const all = together(found);
    return { section: sectionOf(sides, all), wrong: all.wrong };
  },
};

/** An engine, and what it has done. */
interface Side {
  readonly engine: Engine;
  /** One run at a time. */
  readonly alone: Moved[];
  /** Two runs at once. */
  readonly together: Moved[];
}

interface Moved {
  readonly runs: readonly ImportRecord[];
  /** From the start of the first run to the end of the last. */
  readonly ms: number;
  /** Who did how much, in words. */
  readonly shares: string;
}

async function moveAtOnce(engine: Engine, names: readonly string[]): Promise<Moved> {
  const runs = await Promise.all(names.map((name) => runSync(engine, name)));
  const begins = runs.map(({ startedAt }) => Date.parse(startedAt));
  const ends = runs.map(({ endedAt }) => Date.parse(endedAt ?? ''));
  const ms = Math.max(...ends) - Math.min(...begins);
  const activities = (await Promise.all(runs.map((run) => activitiesOf(engine, run)))).flat();
  return { runs, ms, shares: sharesOf(engine, activities) };
}

interface DoneActivity {
  readonly type: string;
  /** Of the worker's process. */
  readonly pid: number;
}

/** The activities of a run, and the workers that did them, as its history has them. */
async function activitiesOf({ temporal }: Engine, { run }: ImportRecord): Promise<DoneActivity[]> {
  const workflowId = parseRunName(run)?.workflowId ?? '';
  const { events = [] } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const types = new Map(
    (events ?? []).map(({ eventId, activityTaskScheduledEventAttributes: scheduled }) => [
      String(eventId),
      scheduled?.activityType?.name ?? '',
    ]),
  );
  return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started
      ? [{ type: types.get(String(started.scheduledEventId)) ?? '', pid: parseInt(started.identity ?? '') }]
      : [],
  );
}

/** `read 1 + 0, delivered 2 + 2`: how many of each each worker did. */
function sharesOf({ workers }: Engine, activities: readonly DoneActivity[]): string {
  const countOf = (type: string) =>
    workers
      .map(({ child }) => activities.filter((done) => done.type === type && done.pid === child.pid).length)
      .join(' + ');
  return `${countOf('extractRows')} / ${countOf('deliverLanes')}`;
}

function sectionOf(sides: readonly Side[], found: Found): string {
  const medianMs = (moved: readonly Moved[]) => quantile(moved.map(({ ms }) => ms));
  const [first] = sides;
  const lines = (['alone', 'together'] as const).flatMap((which) =>
    sides.map((side) => {
      const ms = medianMs(side[which]);
      const cells = [
        which === 'alone' ? 'one run' : 'two runs at once',
        String(side.engine.workers.length),
        seconds(ms),
        ((first === undefined ? NaN : medianMs(first[which])) / ms).toFixed(2),
        side[which].map(({ shares }) => shares).join('; '),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  );
  return `## Two workers on a shared storage

Runs of ${ROWS.toLocaleString('en-US')} rows, 10 columns, on one worker and on two that share a folder, in turn; medians of ${ROUNDS}. A run is read by one worker, and its four lanes go to whichever asks first. Everything shares the cores of this machine: two workers here show that no row gets lost, and who does the work, more than what a second machine would bring: ${wordsOf(found)}.

| | workers | s | speed against one | queries read / lanes delivered by each worker, by round |
| --- | --: | --: | --: | --- |
${lines.join('\n')}
`;
}
