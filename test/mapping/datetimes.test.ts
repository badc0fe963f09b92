import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { traitOf } from './given.ts';

/* What dates and times are in the call. */

describe('dates and times', () => {
  test.each([
    ['instant', '2026-01-31T08:15:00.123456Z', '2026-01-31T08:15:00.123456Z'],
    ['instant', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['datetime', '2026-01-31T08:15:00', '2026-01-31T08:15:00Z'],
    ['datetime', '2026-01-31T08:15:00.123456789', '2026-01-31T08:15:00.123456789Z'],
    ['datetime', '9999-12-31T23:59:59.999999', '9999-12-31T23:59:59.999999Z'],
    ['date', '2026-01-31', '2026-01-31'],
    ['date', '0001-01-01', '0001-01-01'],
  ] as const)('a %s %s is sent as %s', (kind, source, sent) => {
    expect(traitOf([kind, source])).toBe(sent);
  });

  test.each([
    ['instant', 'infinity'],
    ['instant', '-infinity'],
    ['instant', '0044-03-15 12:00:00+00 BC'],
    ['instant', '10000-01-01 00:00:00+00'],
    ['datetime', 'infinity'],
    ['datetime', '0044-03-15 12:00:00 BC'],
    ['datetime', '294276-12-31 23:59:59.999999'],
    ['datetime', '0000-00-00 00:00:00'],
    ['datetime', '2026-02-30T00:00:00'],
    ['datetime', '2100-02-29T00:00:00'],
    ['datetime', '2026-01-31T24:00:00'],
    ['datetime', '2026-01-31T08:15:60'],
    ['date', '-infinity'],
    ['date', '0044-03-15 BC'],
  ] as const)('a %s that ISO 8601 has no word for, %s, stays the text of its source', (kind, source) => {
    expect(traitOf([kind, source])).toBe(source);
    expect(traitOf([kind, source], { timeZone: 'Europe/Berlin' })).toBe(source);
  });

  test.each([
    ['Europe/Berlin', '2026-01-31T08:15:00.123456', '2026-01-31T07:15:00.123456Z'],
    ['Europe/Berlin', '2026-07-31T00:15:00', '2026-07-30T22:15:00Z'],
    ['Europe/Berlin', '2026-03-29T01:59:59.9', '2026-03-29T00:59:59.9Z'],
    ['Europe/Berlin', '2026-03-29T03:00:00', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-03-29T02:30:00', '2026-03-29T01:30:00Z'],
    ['Europe/Berlin', '2026-10-25T01:59:59', '2026-10-24T23:59:59Z'],
    ['Europe/Berlin', '2026-10-25T03:00:00', '2026-10-25T02:00:00Z'],
    ['Europe/Berlin', '2026-10-26T00:00:00', '2026-10-25T23:00:00Z'],
    ['America/New_York', '2025-12-31T20:00:00', '2026-01-01T01:00:00Z'],
    ['America/New_York', '2026-03-08T03:00:00', '2026-03-08T07:00:00Z'],
    ['America/New_York', '2026-03-08T01:59:59', '2026-03-08T06:59:59Z'],
    ['America/St_Johns', '2000-10-29T12:00:00', '2000-10-29T15:30:00Z'],
    ['Australia/Lord_Howe', '2026-07-01T12:00:00', '2026-07-01T01:30:00Z'],
    ['Australia/Lord_Howe', '2026-01-01T12:00:00', '2026-01-01T01:00:00Z'],
    ['America/Sao_Paulo', '2018-11-03T23:59:59', '2018-11-04T02:59:59Z'],
    ['America/Sao_Paulo', '2018-11-04T01:00:00', '2018-11-04T03:00:00Z'],
    ['Pacific/Apia', '2011-12-29T23:00:00', '2011-12-30T09:00:00Z'],
    ['Pacific/Apia', '2011-12-31T00:00:00', '2011-12-30T10:00:00Z'],
    ['America/Nuuk', '2021-03-27T21:59:59', '2021-03-28T00:59:59Z'],
    ['America/Nuuk', '2021-03-27T23:30:00', '2021-03-28T01:30:00Z'],
    ['Asia/Kolkata', '2026-01-01T00:00:00', '2025-12-31T18:30:00Z'],
    ['Pacific/Kiritimati', '2026-01-01T00:00:00', '2025-12-31T10:00:00Z'],
    ['Etc/UTC', '2026-01-01T00:00:00.000001', '2026-01-01T00:00:00.000001Z'],
    ['Europe/Amsterdam', '1930-01-15T12:00:00', '1930-01-15T11:40:28Z'],
  ])('in %s, %s is %s', (timeZone, source, sent) => {
    // Amsterdam's old time is that of Brussels in newer time zone data.
    const expected = timeZone === 'Europe/Amsterdam' ? [sent, '1930-01-15T12:00:00Z'] : [sent];
    expect(expected).toContain(traitOf(['datetime', source], { timeZone }));
  });

  test.each([
    ['Europe/Berlin', '2026-10-25T02:30:00', '2026-10-25T00:30:00Z'],
    ['America/New_York', '2026-11-01T01:30:00', '2026-11-01T05:30:00Z'],
    ['America/St_Johns', '2000-10-29T00:00:30', '2000-10-29T02:30:30Z'],
    ['Australia/Lord_Howe', '2026-04-05T01:45:00', '2026-04-04T14:45:00Z'],
  ])('in %s, %s comes twice in that night and is the first, %s', (timeZone, source, sent) => {
    expect(traitOf(['datetime', source], { timeZone })).toBe(sent);
  });

  test.each(['2026-01-15T12:00:00Z', '2026-07-15T12:00:00Z'])(
    'what comes twice is the same moment when it is read on %s',
    (today) => {
      vi.setSystemTime(today);
      onTestFinished(() => void vi.useRealTimers());
      expect(traitOf(['datetime', '2026-10-25T02:45:00'], { timeZone: 'Europe/Berlin' })).toBe(
        '2026-10-25T00:45:00Z',
      );
    },
  );

  test('a zone moves neither what has one nor a date nor text', () => {
    const given = { timeZone: 'Asia/Tokyo' };
    expect(traitOf(['instant', '2026-01-31T08:15:00Z'], given)).toBe('2026-01-31T08:15:00Z');
    expect(traitOf(['date', '2026-01-31'], given)).toBe('2026-01-31');
    expect(traitOf('2026-01-31T08:15:00', given)).toBe('2026-01-31T08:15:00');
  });

  test('what a zone moves out of the years 0000 to 9999 stays the text of its source', () => {
    const late = '9999-12-31T23:30:00';
    expect(traitOf(['datetime', late], { timeZone: 'America/New_York' })).toBe(late);
  });
});
