import { expect, test } from 'vitest';
import { isGood } from '../../cli/followRun.ts';

test.each([
  ['succeeded', true, true],
  ['succeeded_with_errors', true, false],
  ['failed', false, false],
  ['cancelled', false, false],
  ['skipped', false, false],
] as const)('a run that %s counts as success: %s, with --strict: %s', (outcome, good, strictlyGood) => {
  expect(isGood(outcome, false)).toBe(good);
  expect(isGood(outcome, true)).toBe(strictlyGood);
});
