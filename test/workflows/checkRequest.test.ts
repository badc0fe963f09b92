import { expect, test } from 'vitest';
import { mustHoldTime } from '../../workflows/checkRequest.ts';

test.each([0, 1_800_000_000, 8_640_000_000_000])('a sync can be reset to %d', (to) => {
  expect(() => mustHoldTime({ to })).not.toThrow();
  expect(() => new Date(to * 1_000).toISOString()).not.toThrow();
});

test.each([-1, 0.5, '0', null, 8_640_000_000_001, Number.MAX_SAFE_INTEGER])(
  'a reset to %j, which no sync could show, is refused before it is taken up',
  (to) => {
    expect(() => mustHoldTime({ to })).toThrow(
      'An update reset must hold as `to` a time in whole Unix seconds, from 0 to 8640000000000;',
    );
  },
);
