import { describe, expect, test } from 'vitest';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import { callOf, NEEDED, problemOf } from './given.ts';
import type { Given, GivenCell } from './given.ts';

/* What a `timestamp` column may hold. */

const timestampOf = (timestamp: GivenCell, given: Given = {}) =>
  callOf({ userId: 'u1', timestamp }, given)['timestamp'];

test.each(CALL_TYPES)('%s has its timestamp, or none', (type) => {
  const of = (timestamp: GivenCell) => callOf({ ...NEEDED[type], timestamp }, { type })['timestamp'];
  expect(of(['instant', '2026-01-31T08:15:00.123456Z'])).toBe('2026-01-31T08:15:00.123456Z');
  expect(of(null)).toBeUndefined();
  expect(of('')).toBeUndefined();
});

describe('a timestamp', () => {
  test.each([
    ['instant', '2026-01-31T08:15:00Z', '2026-01-31T08:15:00Z'],
    ['datetime', '2026-01-31T08:15:00.123456', '2026-01-31T08:15:00.123456Z'],
    ['date', '2026-01-31', '2026-01-31T00:00:00Z'],
    ['text', '2026-01-31', '2026-01-31T00:00:00Z'],
    ['text', '2026-01-31T08:15', '2026-01-31T08:15:00Z'],
    ['text', '2026-01-31 08:15:00', '2026-01-31T08:15:00Z'],
    ['text', '2026-01-31T08:15:00,5', '2026-01-31T08:15:00.5Z'],
    ['text', '2026-01-31T08:15:00.123456789Z', '2026-01-31T08:15:00.123456789Z'],
    ['text', '2026-01-31t08:15:00z', '2026-01-31T08:15:00Z'],
    ['text', ' 2026-01-31T08:15:00Z\n', '2026-01-31T08:15:00Z'],
    ['text', '2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z'],
    ['text', '2026-01-31T08:15:00+00:00', '2026-01-31T08:15:00Z'],
    ['text', '2026-01-31T08:15:00-00:00', '2026-01-31T08:15:00Z'],
    ['text', '2026-01-31T08:15:00.25+02:00', '2026-01-31T06:15:00.25Z'],
    ['text', '2026-01-31T08:15+0530', '2026-01-31T02:45:00Z'],
    ['text', '2026-01-31 20:15:00.000001 -05', '2026-02-01T01:15:00.000001Z'],
    ['text', '2026-01-01T00:30:00+14:00', '2025-12-31T10:30:00Z'],
    ['number', '0', '1970-01-01T00:00:00.000Z'],
    ['number', '-1', '1969-12-31T23:59:59.000Z'],
    ['number', '1700000000', '2023-11-14T22:13:20.000Z'],
    ['number', '1700000000.123456', '2023-11-14T22:13:20.123Z'],
    ['number', '1700000000.123000000000000000', '2023-11-14T22:13:20.123Z'],
    ['number', '1.7E9', '2023-11-14T22:13:20.000Z'],
    ['number', '1.7000000005e+09', '2023-11-14T22:13:20.500Z'],
    ['number', '99999999999', '5138-11-16T09:46:39.000Z'],
    ['number', '100000000000', '1973-03-03T09:46:40.000Z'],
    ['number', '1700000000123', '2023-11-14T22:13:20.123Z'],
    ['number', '-100000000000', '1966-10-31T14:13:20.000Z'],
    ['number', '1700000000123.4', '2023-11-14T22:13:20.123Z'],
    ['text', '1700000000', '2023-11-14T22:13:20.000Z'],
    ['text', ' 1700000000123 ', '2023-11-14T22:13:20.123Z'],
    ['number', '253402300799999', '9999-12-31T23:59:59.999Z'],
  ] as const)('of %s %j is %s', (kind, cell, sent) => {
    expect(timestampOf([kind, cell])).toBe(sent);
  });

  test.each([
    ['datetime', '2026-07-31T08:15:00.5', '2026-07-31T06:15:00.5Z'],
    ['text', '2026-01-31 08:15', '2026-01-31T07:15:00Z'],
    ['date', '2026-07-31', '2026-07-30T22:00:00Z'],
    ['text', '2026-07-31T08:15:00Z', '2026-07-31T08:15:00Z'],
    ['text', '2026-07-31T08:15:00-01:00', '2026-07-31T09:15:00Z'],
    ['instant', '2026-07-31T08:15:00Z', '2026-07-31T08:15:00Z'],
    ['number', '1700000000', '2023-11-14T22:13:20.000Z'],
    ['text', '2026-10-25T03:00:00', '2026-10-25T02:00:00Z'],
  ] as const)('of %s %s in an integration of Europe/Berlin is %s', (kind, cell, sent) => {
    expect(timestampOf([kind, cell], { timeZone: 'Europe/Berlin' })).toBe(sent);
  });

  test.each([
    'yesterday',
    '31.01.2026',
    '2026-1-31',
    '2026-02-30',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T08:60:00Z',
    '2026-01-31T08:15.5Z',
    '2026-01-31T08:15:00.1234567890Z',
    '2026-01-31T08Z',
    '2026-01-31T08:15:60Z',
    '2026-01-31T25:61:61.5Z',
    '2025-02-29T08:15:00',
    '2026-01-31T08:15:00+24:00',
    '2026-01-31T08:15:00+05:60',
    '2026-01-31T08:15:00Europe/Berlin',
    '0000-01-01T00:00:00+05:00',
    '9999-12-31T23:59:59-05:00',
    'infinity',
    '-infinity',
    '0044-03-15 12:00:00+00 BC',
    '10000-01-01 00:00:00+00',
    'NaN',
    '1e400',
    '0x10',
    '253402300800000',
    '1700000000123456',
    '-62167219201',
    '-99999999999999999',
    '-',
    '.',
    ' ',
  ])('of %j is refused with the value and the fix', (text) => {
    for (const kind of ['text', 'datetime', 'instant', 'number'] as const) {
      if (kind === 'instant' && text.endsWith('Z')) continue; // A source does not make such instants.
      const problem = problemOf({ userId: 'u1', timestamp: [kind, text] });
      expect(problem.code).toBe('invalid_timestamp');
      expect(problem.message).toBe(
        `The timestamp ${JSON.stringify(text)} is not a date-time, ISO 8601 text, or Unix time in seconds or milliseconds; convert it in the query.`,
      );
    }
  });

  test('that a zone moves out of the years 0000 to 9999 is refused', () => {
    const given = { timeZone: 'America/New_York' };
    expect(problemOf({ userId: 'u1', timestamp: ['datetime', '9999-12-31T23:30:00'] }, given).code).toBe(
      'invalid_timestamp',
    );
  });

  test('that is refused is quoted in part where it is long', () => {
    const message = (timestamp: string) => problemOf({ userId: 'u1', timestamp }).message;
    expect(message('x'.repeat(100))).toContain(`The timestamp "${'x'.repeat(100)}" is not`);
    expect(message('x'.repeat(101))).toContain(`The timestamp "${'x'.repeat(100)}…" is not`);
    expect(message(`${'x'.repeat(99)}🙂`)).toContain(`The timestamp "${'x'.repeat(99)}…" is not`);
  });

  test.each([
    `1${' '.repeat(100_000)}2`,
    'a '.repeat(50_000),
    '1'.repeat(100_000),
    `2026-01-31T08:15:00.${'0'.repeat(90_000)}Z`,
  ])('of a hundred thousand characters is refused as fast as any other', (timestamp) => {
    for (let row = 0; row < 100; row += 1) {
      expect(problemOf({ userId: 'u1', timestamp }).code).toBe('invalid_timestamp');
    }
  });

  test.each(['boolean', 'json', 'binary'] as const)(
    'of %s is refused with the column and the fix',
    (kind) => {
      const cell = kind === 'binary' ? Uint8Array.of(1) : kind === 'json' ? '"2026-01-31"' : true;
      expect(problemOf({ userId: 'u1', Timestamp: [kind, cell] })).toEqual({
        ok: false,
        code: 'invalid_value',
        message: `The column "Timestamp" holds a ${kind} value, but timestamp must be text; cast it to text in the query.`,
      });
    },
  );
});
