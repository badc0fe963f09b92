import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { checkBooks } from './checkBooks.ts';
import { checkCalls } from './checkCalls.ts';
import { checkLeft } from './checkLeft.ts';
import { checkOrder } from './checkOrder.ts';
import { applyAll } from './definitions.ts';
import { Journal } from './journal.ts';
import { drawRound } from './plan.ts';
import type { Step } from './plan.ts';
import { insisted, makeQuiet } from './quiet.ts';
import { gatherTruth } from './truth.ts';
import { windowsOf } from './windows.ts';
import { World } from './world.ts';
import type { Grounds } from './world.ts';

export interface RoundResult {
  /** What is not as it ought to be, in words; none where all is right. */
  readonly findings: readonly string[];
  readonly journal: readonly string[];
  /** Where logs, storage and the journal are kept; null where all was right. */
  readonly kept: string | null;
  readonly calls: number;
  readonly imports: number;
}

/** One round: everything is drawn from the seed, done, brought to rest, and checked. */
export async function playRound(grounds: Grounds, seed: number, folder: string): Promise<RoundResult> {
  const plan = drawRound(seed);
  const journal = new Journal();
  for (const sync of plan.syncs) journal.note(`drawn: ${JSON.stringify(sync)}`);
  journal.note(`drawn: ${JSON.stringify(plan.settings)}, batches of ${plan.batchBytesMax} bytes`);
  mkdirSync(folder, { recursive: true });
  let world: World | null = null;
  const findings: string[] = [];
  let imports = 0;
  try {
    const begun = (world = await World.start(grounds, plan, folder, journal));
    const apply = () => applyAll(begun, AbortSignal.timeout(60_000), true);
    findings.push(...(await insisted('the first apply', apply)));
    for (const { name, enabled } of plan.syncs) world.enabled.set(name, enabled);
    journal.note('everything is applied');
    await takeSteps(world, plan.steps);
    findings.push(...(await makeQuiet(world)));
    const truths = await Promise.all(plan.syncs.map((sync) => gatherTruth(world as World, sync)));
    for (const truth of truths) {
      imports += truth.imports.length;
      const windows = windowsOf(truth);
      findings.push(
        ...checkCalls(truth, windows),
        ...checkOrder(truth, windows),
        ...checkBooks(truth, windows),
      );
    }
    findings.push(...(await checkLeft(world, truths)), ...world.receiver.log.violations, ...world.findings);
    if (findings.length > 0) keepTruth(folder, { truths, calls: world.receiver.log.calls });
  } catch (error) {
    findings.push(`the round broke off: ${error instanceof Error ? String(error.stack) : String(error)}`);
  }
  const calls = world?.receiver.log.stats().distinct ?? 0;
  await world?.stop().catch((error: unknown) => findings.push(`the round does not end: ${messageOf(error)}`));
  if (findings.length === 0) await rm(folder, { recursive: true, force: true });
  else writeFileSync(join(folder, 'journal.txt'), [...journal.lines, '', ...findings, ''].join('\n'));
  const kept = findings.length === 0 ? null : folder;
  return { findings, journal: journal.lines, kept, calls, imports };
}

/** Takes each step at its moment, whatever the others are at; what a step meets is part of the chaos. */
async function takeSteps(world: World, steps: readonly Step[]): Promise<void> {
  const { journal } = world;
  await Promise.all(
    steps.map(async ({ atMs, words, act }, index) => {
      await sleep(atMs);
      journal.note(`${index}: ${words}`);
      try {
        await act(world);
        journal.note(`${index}: done`);
      } catch (error) {
        journal.note(`${index}: ${messageOf(error)}`);
      }
    }),
  );
}

function keepTruth(
  folder: string,
  { truths, calls }: { truths: readonly object[]; calls: readonly object[] },
): void {
  const lines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(join(folder, 'calls.ndjson'), lines(calls));
  writeFileSync(join(folder, 'truth.ndjson'), lines(truths));
}
