import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onStopSignal } from '../dev/stopSignals.ts';
import { INSTALL_FOLDER } from '../dev/temporal.ts';
import { messageOf } from '../errors.ts';
import { compete } from './compete.ts';
import type { Measured } from './compete.ts';
import type { Bench, Competitor, Contestant } from './contestants/contestant.ts';
import { CONTESTANTS } from './contestants/index.ts';
import { rowcast } from './contestants/rowcast.ts';
import { startDatabases } from './databases.ts';
import { memoryGrowth, MANY } from './growth.ts';
import { planOf } from './plan.ts';
import type { Entry } from './plan.ts';
import { Receiver } from './received.ts';
import { oneLine } from './results/cells.ts';
import { writeResults } from './results/file.ts';
import { runScenarios } from './scenarios/index.ts';
import { narrow } from './tables.ts';
import { verdictOf } from './verdict.ts';
import { ownVersions } from './versions.ts';

/*
 * npm run bench [-- --quick] [--rounds N] [--only NAME …] [--minutes N] [--results FILE]: all contestants move the rows
 * of the same tables to the same receiver, in turn, so many rounds; bench/RESULTS.md, or another file, has the medians.
 * Then, unless it is to be quick, come the scenarios (bench/scenarios/), of which one looks on for so many minutes. It
 * ends with a failure where Rowcast loses a row, sends a wrong call, or takes more memory for more rows; never for its
 * speed.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
    minutes: { type: 'string', default: '10' },
    results: { type: 'string', default: join(import.meta.dirname, 'RESULTS.md') },
  },
});
const isQuick = values.quick;
const rounds = countIn('rounds', values.rounds ?? (isQuick ? '1' : '3'));
const minutes = countIn('minutes', values.minutes);
const isAsked = ({ name }: { name: string }) =>
  values.only === undefined || values.only.some((part) => name.includes(part));

/** What is moved once more where a worker took more memory for it: chance alone would hardly have it so twice. */
const MANY_AGAIN: Entry = {
  table: narrow(MANY),
  contestants: [rowcast],
};

/** Everything that was started; once it is disposed of, nothing more begins. */
const stack = new AsyncDisposableStack();
const stop = async (code: number) => {
  if (stack.disposed) return;
  await stack.disposeAsync().catch((error: unknown) => console.error(messageOf(error)));
  process.exit(code);
};
onStopSignal((exitCode) => {
  console.log('Stopping everything that was started …');
  void stop(exitCode);
});
const fail = async (error: unknown) => {
  // What was under way when everything is stopped cannot but fail.
  if (!stack.disposed) console.error(error);
  await stop(1);
};
process.on('uncaughtException', (error) => void fail(error));
await measureAll().then((isRight) => stop(isRight ? 0 : 1), fail);

/** @returns whether nothing was wrong. */
async function measureAll(): Promise<boolean> {
  const [loadBefore = NaN] = loadavg();
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
  // Last of all, when those are killed who may still have been on their way up.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const packages = join(INSTALL_FOLDER, 'bench');
  mkdirSync(packages, { recursive: true });
  const receiver = await Receiver.start();
  stack.defer(() => receiver.stop());
  const starting = startDatabases({ withMariadb: !isQuick });
  stack.defer(async () => (await starting).stop());
  const databases = await starting;
  const { postgres, mariadb, make } = databases;
  const bench: Bench = { isQuick, postgres, mariadb, make, receiver: receiver.url, folder, packages };
  const planFor = (contestants: readonly Contestant[]) =>
    planOf(contestants, { isQuick, hasMariadb: typeof mariadb !== 'string' });

  const contestants = stack.use(new AsyncDisposableStack());
  const asked = CONTESTANTS.filter(isAsked);
  const [{ ready, absent }] = await Promise.all([
    startAll(asked, bench, contestants),
    // Side by side with their start, which is mostly waiting.
    Promise.allSettled(planFor(asked).entries.map(({ table }) => make(table))),
  ]);
  const plan = planFor([...ready.keys()]);
  const measured: Measured[] = [];
  const move = async (
    { table, contestants: all }: Entry,
    { round, isAnew, to }: { round: number; isAnew: boolean; to: Measured[] },
  ) => {
    const task = { table, round, isAnew, receiver, databases };
    for (const contestant of all) {
      const competitor = ready.get(contestant);
      if (competitor === undefined) continue;
      if (stack.disposed) throw new Error('The bench was stopped.');
      to.push(await compete(contestant, competitor, task));
    }
  };
  for (let round = 1; round <= rounds; round += 1) {
    for (const [at, entry] of plan.entries.entries()) {
      const before = plan.entries.at(at - 1);
      const isAnew = !isQuick && before !== undefined && !isOfKind(entry, before);
      await move(entry, { round, isAnew, to: measured });
    }
  }
  // No part of the figures: who may run again until it does well has better ones.
  const again: Measured[] = [];
  if (memoryGrowth(measured).grown.length > 0) {
    await move(MANY_AGAIN, { round: rounds + 1, isAnew: true, to: again });
  }
  await contestants.disposeAsync();

  const isScenario = (name: string) => !isQuick && isAsked({ name });
  const { sections, wrong } = await runScenarios(bench, isScenario, { minutes, running: stack });
  if (stack.disposed) throw new Error('The bench was stopped.');
  const versions = [...ownVersions(), ...databases.versions];
  const { tables } = plan;
  writeResults(values.results, {
    measured,
    tables,
    absent,
    rounds,
    commandLine: process.argv.slice(2),
    loadBefore,
    versions,
    sections,
  });
  return judge([...measured, ...again], wrong);
}

/** The number that an option is given; where it is none, the bench ends with a sentence. */
function countIn(option: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  console.error(`--${option} is ${JSON.stringify(text)}; give a whole number from 1 to 9999.`);
  process.exit(2);
}

function isOfKind({ table: one }: Entry, { table: other }: Entry): boolean {
  return one.database === other.database && one.shape === other.shape;
}

interface Started {
  readonly ready: ReadonlyMap<Contestant, Competitor>;
  /** Who could not be, by name, and why. */
  readonly absent: ReadonlyMap<string, string>;
}

async function startAll(
  asked: readonly Contestant[],
  bench: Bench,
  running: AsyncDisposableStack,
): Promise<Started> {
  const start = async (contestant: Contestant) => {
    try {
      const competitor = await contestant.start(bench);
      if (typeof competitor !== 'string') running.defer(async () => competitor.stop?.());
      return competitor;
    } catch (error) {
      // Without Rowcast there is nothing to measure; without another one, there is.
      if (contestant === rowcast) throw error;
      return messageOf(error);
    }
  };
  const started = await Promise.all(
    asked.map(async (contestant) => [contestant, await start(contestant)] as const),
  );
  const ready = new Map<Contestant, Competitor>();
  const absent = new Map<string, string>();
  for (const [contestant, competitor] of started) {
    if (typeof competitor !== 'string') ready.set(contestant, competitor);
    else absent.set(contestant.name, oneLine(competitor));
  }
  for (const [name, why] of absent) console.log(`${name}: absent, ${why}`);
  return { ready, absent };
}

/** Says what was checked, and what was wrong. @returns whether nothing was. */
function judge(measured: readonly Measured[], wrongInScenarios: readonly string[]): boolean {
  const { failures, checked } = verdictOf(measured, wrongInScenarios);
  for (const failure of failures) console.error(failure);
  console.log(checked);
  return failures.length === 0;
}
