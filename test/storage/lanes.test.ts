import fc from 'fast-check';
import { expect, test } from 'vitest';
import { laneOf, laneOfBytes } from '../../storage/lanes.ts';

test('a person is in the same lane whether its row comes as bytes or as values', () => {
  const person = fc.string({ unit: fc.constantFrom('a', 'Z', '7', '@', '\u007f', 'é', '漢', '😀') });
  fc.assert(
    fc.property(person, fc.integer({ min: 1, max: 32 }), (text, lanes) => {
      const bytes = Buffer.from(`before ${text} after`);
      const end = bytes.length - ' after'.length;
      expect(laneOfBytes(bytes, 'before '.length, end, lanes)).toBe(laneOf(text, lanes));
    }),
  );
});
