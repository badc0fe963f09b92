import fc from 'fast-check';
import { decodeTime, isValid } from 'ulid';
import { expect, test } from 'vitest';
import { ulidAt } from '../../workflows/ulid.ts';

test('an id of an alert is a ULID of its moment, as others read it', () => {
  const moments = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(moments, random, (ms, value) => {
      const id = ulidAt(ms, () => value);
      expect(isValid(id)).toBe(true);
      expect(decodeTime(id)).toBe(ms);
    }),
  );
});
