import { startVitest } from 'vitest/node';
import type { TestModule } from 'vitest/node';

/*
 * npm test [-- FILE …]: every test, or those of the files whose path contains a FILE. The last line says
 * `N passed, N failed`.
 */

const vitest = await startVitest(process.argv.slice(2), { watch: false });
const counts = countsOf(vitest.state.getTestModules());
const errors = vitest.state.getUnhandledErrors().length;
await vitest.close();

const failed = counts.failed + errors;
if (counts.skipped > 0) console.log(`\n${counts.skipped} skipped: their names say what this machine lacks`);
console.log(`\n${counts.passed} passed, ${failed} failed`);
process.exit(failed > 0 || counts.passed === 0 ? 1 : 0);

/** A file that could not be loaded, or whose hooks failed, counts as a failed test. */
function countsOf(modules: readonly TestModule[]): { passed: number; failed: number; skipped: number } {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state !== 'pending') counts[state] += 1;
    }
  }
  return counts;
}
