import { messageOf } from '../../errors.ts';
import type { Bench } from '../contestants/contestant.ts';
import { manySyncs } from './manySyncs.ts';
import type { Scenario, ScenarioOptions } from './scenario.ts';
import { slowDestination } from './slowDestination.ts';
import { twoWorkers } from './twoWorkers.ts';

/** All scenarios, in the order in which they run and stand in the results. */
const SCENARIOS: readonly Scenario[] = [manySyncs, twoWorkers, slowDestination];

/** What the scenarios have shown, in their order. */
export interface ScenariosShown {
  readonly sections: readonly string[];
  /** What must not be, in words, each with the name of its scenario. */
  readonly wrong: readonly string[];
}

/** Runs those that are asked for, one after another. */
export async function runScenarios(
  bench: Bench,
  isAsked: (name: string) => boolean,
  options: ScenarioOptions,
): Promise<ScenariosShown> {
  const [sections, wrong]: [string[], string[]] = [[], []];
  for (const scenario of SCENARIOS.filter(({ name }) => isAsked(name))) {
    const shown = await scenario.run(bench, options).catch((error: unknown) => {
      const words = messageOf(error);
      return { section: `## ${scenario.name}\n\nIt broke off: ${words}`, wrong: [words] };
    });
    sections.push(shown.section);
    wrong.push(...shown.wrong.map((words) => `${scenario.name}: ${words}`));
  }
  return { sections, wrong };
}
