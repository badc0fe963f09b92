import type { Bench } from '../contestants/contestant.ts';

export interface ScenarioOptions {
  /** How long what happens each minute is watched. */
  readonly minutes: number;
  /** Ends what is put into it, at the latest when the bench ends. */
  readonly running: AsyncDisposableStack;
}

/** What a scenario has shown. */
export interface Shown {
  /** Its section of bench/RESULTS.md, from its heading on. */
  readonly section: string;
  /** What must not be, in words: rows lost, runs that failed or never began. Time is never wrong. */
  readonly wrong: readonly string[];
}

/** What is asked of Rowcast alone, after the contestants have stopped, and not by the quick bench. */
export interface Scenario {
  /** What `--only` asks for. */
  readonly name: string;
  /** Measures. */
  run(bench: Bench, options: ScenarioOptions): Promise<Shown>;
}
