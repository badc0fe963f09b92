import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mapped, problemOf } from './given.ts';

/* A limit is exact for every value: its own size passes, one byte less refuses. */

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\n', '\u0001', 'é') }),
);

describe('the limit of a value', () => {
  test.each(['trait', 'context.trait', 'anonymousId'])('is exact for any text in %s', (column) => {
    fc.assert(
      fc.property(
        text.filter((value) => bytesOf(value) > bytesOf('u1')),
        (value) => {
          const row = { userId: 'u1', [column]: value };
          const bytes = bytesOf(value);
          expect(mapped(row, { limits: { valueBytesMax: bytes } }).ok).toBe(true);
          const problem = problemOf(row, { limits: { valueBytesMax: bytes - 1 } });
          expect(problem.code).toBe('value_too_large');
          expect(problem.message).toContain(`holds ${bytes} bytes`);
        },
      ),
    );
  });
});

describe('the limit of a record', () => {
  const row = fc.record(
    {
      anonymousId: fc.option(text),
      timestamp: fc.option(
        fc.constantFrom('', '1700000000', ' 2026-01-31\n', `${' '.repeat(2_000)}2026-01-31`),
      ),
      context: fc.option(fc.constantFrom('', 'null', '{"ip":"1","os":{"name":"x","v":["a","b"]}}', '{ }')),
      integrations: fc.option(fc.constantFrom('', '{"All":true}')),
      'cart.item.name': fc.option(text),
      'cart.item.size': fc.option(text),
      plan: fc.option(text),
    },
    { requiredKeys: [] },
  );

  test.each(['send', 'omit'] as const)('is exact for any row, with `nulls: %s`', (nulls) => {
    fc.assert(
      fc.property(row, (cells) => {
        const whole = { userId: 'u1', ...cells };
        const bytes = bytesOf(whole);
        expect(mapped(whole, { nulls, limits: { recordBytesMax: bytes } }).ok).toBe(true);
        const problem = problemOf(whole, { nulls, limits: { recordBytesMax: bytes - 1 } });
        expect(problem.code).toBe('record_too_large');
        expect(problem.message).toContain(`holds ${bytes} bytes`);
      }),
    );
  });
});
