import { describe, expect, test } from 'vitest';
import { traitOf, traitTextOf } from './given.ts';

/* What a number is in the call. */

describe('a number', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['-0e5', '0'],
    ['0e-999', '0'],
    ['00', '0'],
    ['7', '7'],
    ['-7', '-7'],
    ['007', '7'],
    ['0.10', '0.1'],
    ['5.', '5'],
    ['.5', '0.5'],
    ['-.5', '-0.5'],
    ['12.500', '12.5'],
    ['100', '100'],
    ['100.00', '100'],
    ['1e7', '1e7'],
    ['1E+20', '1e+20'],
    ['1.50e-7', '1.5e-7'],
    ['-1e-7', '-1e-7'],
    ['1e308', '1e308'],
    ['1e-300', '1e-300'],
    ['999999999999999', '999999999999999'],
    ['-999999999999999', '-999999999999999'],
    ['1234567890123.45', '1234567890123.45'],
    ['0.123456789012345', '0.123456789012345'],
    ['0.000000000123456789012345', '0.000000000123456789012345'],
    ['123456789012345.0000000', '123456789012345'],
    ['000123456789012345', '123456789012345'],
  ])('%s is sent as the number %s', (source, json) => {
    expect(traitTextOf(['number', source])).toBe(json);
    expect(traitOf(['number', source])).toBe(Number(source) === 0 ? 0 : Number(source));
  });

  test.each([
    '1000000000000000',
    '9007199254740993',
    '-9223372036854775808',
    '18446744073709551615',
    '1234567890123.456',
    '0.1234567890123456',
    '0.10000000000000001',
    '1.234567890123456e10',
    '1e309',
    '-1e400',
    '1e-400',
    '1.23456789012345e-320',
    '1.79769313486232e308',
    '',
    '-',
    '.',
    'e5',
    '1e',
    '+1',
    '1_000',
    `0.${'0'.repeat(400)}1`,
    '1e99999',
    'NaN',
    'Infinity',
    '-Infinity',
  ])('%s, which a reader could not keep, is sent as text', (source) => {
    expect(traitOf(['number', source])).toBe(source);
  });

  test('of thousands of digits is read in one pass', () => {
    const zeros = `0.${'0'.repeat(16_000)}1`;
    const ones = `0.${'10'.repeat(60_000)}`;
    const many = Array.from({ length: 200 }, () => [traitOf(['number', zeros]), traitOf(['number', ones])]);
    expect(many[199]).toEqual([zeros, ones]);
  });
});
