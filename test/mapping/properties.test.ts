import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callOf, done, lineOf, mapped, mappedRow, parsed, traitOf, traitTextOf } from './given.ts';

/* What holds for every value that a source may hand over. */

/** Any text: control characters, quotes, emoji and halves of emoji among it. */
const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), anyText);

describe('any text', () => {
  test('arrives as it is, in a trait, below dots and at the top', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(traitOf(value)).toBe(value);
        const call = callOf({ userId: `u${value}`, 'a.b': value, 'context.page.title': value });
        expect(call).toMatchObject({
          userId: `u${value}`,
          traits: { a: { b: value } },
          context: { page: { title: value } },
        });
      }),
    );
  });

  test('is one line', () => {
    fc.assert(
      fc.property(text, text, (name, value) => {
        const outcome = mappedRow([
          ['userId', 'u1'],
          [`x${name.replaceAll('.', '')}`, value],
        ]);
        expect(done(outcome).json).not.toContain('\n');
      }),
    );
  });

  test('of a source without JSON arrives as what it parses to, or as it is', () => {
    const maybeJson = fc.oneof(
      text,
      fc.json(),
      fc.json().map((json) => json.slice(1)),
    );
    fc.assert(
      fc.property(maybeJson, (value) => {
        expect(traitOf(['text_or_json', value])).toEqual(objectIn(value) ?? value);
      }),
    );
  });
});

function objectIn(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

test('any JSON arrives as the same value, however it is written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('', ' ', '\n', '\t\r\n'), (value, space) => {
      const json = JSON.stringify(value, null, space);
      expect(traitOf(['json', `${space}${json}${space}`])).toEqual(JSON.parse(json));
      expect(lineOf({ userId: 'u1', x: ['json', json] })).not.toContain('\n');
    }),
  );
});

test('any bytes arrive as base64', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(Buffer.from(String(traitOf(['binary', bytes])), 'base64')).toEqual(Buffer.from(bytes));
    }),
  );
});

describe('any number', () => {
  const digits = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...Array.from('0000123456789')), maxLength, size: 'max' });
  const decimal = fc
    .tuple(
      fc.constantFrom('', '-'),
      digits(18),
      fc.option(digits(18)),
      fc.option(fc.integer({ min: -340, max: 340 })),
    )
    .filter(([, whole, fraction]) => whole !== '' || (fraction ?? '') !== '')
    .map(
      ([sign, whole, fraction, exponent]) =>
        `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
    );

  test('is a number of exactly its value, which a double keeps, or the text of its source', () => {
    fc.assert(
      fc.property(decimal, (source) => {
        const json = traitTextOf(['number', source]);
        if (json.startsWith('"')) {
          expect(JSON.parse(json)).toBe(source);
          expect(isShort(source)).toBe(false);
        } else {
          expect(exactly(json)).toEqual(exactly(source));
          expect(exactly(Number(json).toPrecision(15))).toEqual(exactly(source));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('that a double of a source is in at most 15 digits arrives as that double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const source = Number(value.toPrecision(15));
        if (Math.abs(source) < 1e-300 || Math.abs(source) >= 1e15) return;
        expect(traitOf(['number', String(source)])).toBe(source);
      }),
    );
  });

  test('arrives in its digits as a userId', () => {
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        expect(callOf({ userId: ['number', String(value)] })['userId']).toBe(String(value));
      }),
    );
  });

  /** Whether nothing speaks against a number: few digits, however they are counted, and a usual size. */
  function isShort(source: string): boolean {
    const [mantissa = '', exponent = '0'] = source.split('e');
    return mantissa.replace(/\D/g, '').length <= 15 && Math.abs(Number(exponent)) < 290;
  }
});

/** A decimal number as its whole digits and a power of ten. */
function exactly(source: string): { readonly digits: bigint; readonly power: number } {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  let digits = BigInt(`${whole}${fraction}`.replace('-', '') || '0');
  let power = Number(exponent) - fraction.length;
  if (digits === 0n) return { digits, power: 0 };
  for (; digits % 10n === 0n; digits /= 10n) power += 1;
  return { digits: source.startsWith('-') ? -digits : digits, power };
}

describe('any row', () => {
  const cell = fc.option(text);

  test('is the same call when it is read again, and a call of the same length in the next window', () => {
    fc.assert(
      fc.property(cell, cell, (a, b) => {
        const row = { userId: 'u1', a, 'context.b': b };
        expect(mapped(row)).toEqual(mapped(row));
        const next = done(mapped(row, { window: { id: 'window-2', firstAttemptAtMs: 1_800_000_000_000 } }));
        expect(next.messageId).not.toBe(done(mapped(row)).messageId);
        const same = { ...parsed(next), messageId: '' };
        expect(same).toEqual({ ...parsed(done(mapped(row))), messageId: '' });
      }),
    );
  });

  test('says how many bytes its context and integrations are at the start of the line', () => {
    fc.assert(
      fc.property(cell, cell, (ip, all) => {
        const { json, sharedBytes } = done(
          mapped({ userId: 'u1', 'context.ip': ip, 'integrations.All': all, z: 'z' }),
        );
        const shared = Buffer.from(json)
          .subarray(1, 1 + sharedBytes)
          .toString();
        const { context, integrations } = JSON.parse(json) as Record<string, unknown>;
        expect(JSON.parse(`{${shared.replace(/,$/, '')}}`)).toEqual(
          JSON.parse(JSON.stringify({ context, integrations })),
        );
        expect(json.slice(1 + shared.length)).toMatch(/^"messageId":"[0-9A-Z]{26}","type":"identify",/);
      }),
    );
  });
});
