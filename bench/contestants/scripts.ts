import { join } from 'node:path';
import { runScript } from '../processes.ts';
import type { Competitor, Bench } from './contestant.ts';
import { scriptEnv } from './contestant.ts';

/** A competitor that is a script of `bench/scripts`, run by Node from the project's own packages. */
export function nodeScript(bench: Bench, file: string, run = runScript): Competitor {
  const script = join(import.meta.dirname, '..', 'scripts', file);
  return {
    run: (table) => run(process.execPath, [script], { env: scriptEnv(bench, table), cwd: bench.folder }),
  };
}
