import { expect, test } from 'vitest';
import { ownVersions } from '../../bench/versions.ts';

test('results say which Rowcast was measured, with its commit where that is known, and whose SDK', () => {
  const [rowcast, sdk] = ownVersions();
  expect(rowcast).toMatch(/^Rowcast \d+\.\d+\.\d+( \([0-9a-f]{7,40}(, changed)?\))?$/);
  expect(sdk).toMatch(/^Temporal’s SDK \d+\.\d+\.\d+$/);
});
