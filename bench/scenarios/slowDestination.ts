import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportRecord } from '../../client/index.ts';
import type { Bench } from '../contestants/contestant.ts';
import type { Engine } from '../engine.ts';
import { Receiver } from '../received.ts';
import { narrow } from '../tables.ts';
import type { Scenario } from './scenario.ts';
import { wordsOf } from './found.ts';
import type { Found } from './found.ts';
import { checkRuns, lengthOf, makeSync, quantile, runSync, seconds, startSetting } from './setting.ts';

const ROWS = 100_000;
const DELAY_MS = 5_000;
/** Twice the slots that a worker has for delivery: each delivers so few rows in one. */
const SLOW_SYNCS = 32;
const ROUNDS = 3;

/** A sync to a destination that answers at once, alone, beside one whose destination takes its time, and beside many. */
export const slowDestination: Scenario = {
  name: 'slow destination',
  async run(bench, options) {
    await using stack = options.running.use(new AsyncDisposableStack());
    const [fast, slow] = [await Receiver.start(), await Receiver.start()];
    for (const receiver of [fast, slow]) stack.defer(() => receiver.stop());
    const destinations = { fast: fast.url, slow: `${slow.url}/after/${DELAY_MS}` };
    const engine = await startSetting(bench, { name: 'slow-destination', destinations });
    stack.defer(() => engine.stop());
    const slowSyncs = await makeSyncs(bench, engine);

    const repeated = async () => {
      const runs: ImportRecord[] = [];
      for (let round = 1; round <= ROUNDS; round += 1) runs.push(await runSync(engine, 'fast'));
      return runs;
    };
    const alone = await repeated();
    const beside = async (names: readonly string[]) => {
      const before = (await slow.counts()).requests;
      const ended = Promise.all(names.map((name) => runSync(engine, name)));
      const isOver = ended.then(
        () => true,
        () => true,
      );
      const haveBegun = async () => (await slow.counts()).requests >= before + names.length;
      // Where they end before each has sent something, there is nothing to wait for.
      while (!(await haveBegun())) if (await Promise.race([isOver, sleep(100, false)])) break;
      const runs = await repeated();
      return { runs, others: await ended };
    };
    const one = await beside(slowSyncs.slice(0, 1));
    const many = await beside(slowSyncs);
    const runs = [...alone, ...one.runs, ...one.others, ...many.runs, ...many.others];
    const found = await checkRuns(runs, ROWS, [fast, slow]);
    return { section: sectionOf({ alone, one, many }, found), wrong: found.wrong };
  },
};

async function makeSyncs(bench: Bench, engine: Engine): Promise<string[]> {
  const { query } = await bench.make(narrow(ROWS));
  const slow = Array.from({ length: SLOW_SYNCS }, (_none, at) => `slow-${at + 1}`);
  await makeSync(engine, { name: 'fast', destination: 'fast', query });
  for (const name of slow) await makeSync(engine, { name, destination: 'slow', query });
  return slow;
}

/** Runs of the fast sync, and those that were under way when they began. */
interface Beside {
  readonly runs: readonly ImportRecord[];
  readonly others: readonly ImportRecord[];
}

function sectionOf(
  { alone, one, many }: { alone: readonly ImportRecord[]; one: Beside; many: Beside },
  found: Found,
): string {
  const aloneMs = quantile(alone.map(lengthOf));
  const lineOf = (what: string, runs: readonly ImportRecord[], others: readonly ImportRecord[]) => {
    const lengths = runs.map(lengthOf);
    const ms = quantile(lengths);
    const cells = [
      what,
      seconds(ms),
      seconds(Math.max(...lengths)),
      (ms / aloneMs).toFixed(2),
      others.length === 0 ? '' : seconds(quantile(others.map(lengthOf))),
    ];
    return `| ${cells.join(' | ')} |`;
  };
  return `## A destination that answers in ${DELAY_MS / 1_000} s

A sync of ${ROWS.toLocaleString('en-US')} rows to a destination that answers at once, ${ROUNDS} runs one after another, on one worker: alone, and while syncs of as many rows go to a destination that takes ${DELAY_MS / 1_000} s for each answer. The ${SLOW_SYNCS} slow syncs are twice the ${SLOW_SYNCS / 2} slots that a worker has for delivery, and come to them by turns; ${wordsOf(found)}.

| the fast sync | s, median | s, at most | against alone | the slow ones, s, median |
| --- | --: | --: | --: | --: |
${lineOf('alone', alone, [])}
${lineOf('beside a slow one', one.runs, one.others)}
${lineOf(`beside ${SLOW_SYNCS} slow ones`, many.runs, many.others)}
`;
}
