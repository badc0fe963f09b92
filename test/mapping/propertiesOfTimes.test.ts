import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMapper } from '../../mapping/createMapper.ts';
import { callOf, columns, done, mapped, options, parsed, traitOf } from './given.ts';

/* What holds for every date and time; JavaScript's own `Date` and `Intl` are the judges. */

/** A whole second of the years 0001 to 9998, in milliseconds since 1970. */
const second = fc
  .integer({
    min: Date.parse('0001-01-01T00:00:00Z') / 1_000,
    max: Date.parse('9998-12-31T00:00:00Z') / 1_000,
  })
  .map((seconds) => seconds * 1_000);
const modernSecond = fc
  .integer({
    min: Date.parse('1975-01-01T00:00:00Z') / 1_000,
    max: Date.parse('2035-01-01T00:00:00Z') / 1_000,
  })
  .map((seconds) => seconds * 1_000);
const fraction = fc.option(
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength: 1, maxLength: 9 }),
);
const two = (number: number) => String(number).padStart(2, '0');
const withoutZone = (ms: number) => new Date(ms).toISOString().slice(0, 19);

const timestampOf = (timestamp: string) => callOf({ userId: 'u1', timestamp })['timestamp'];

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/Nuuk',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
];

test('any date-time keeps every digit of its fraction', () => {
  fc.assert(
    fc.property(second, fraction, (ms, digits) => {
      const written = `${withoutZone(ms)}${digits === null ? '' : `.${digits}`}`;
      expect(traitOf(['datetime', written])).toBe(`${written}Z`);
      expect(timestampOf(written)).toBe(`${written}Z`);
    }),
  );
});

test('any timestamp with an offset is the same moment in UTC', () => {
  const offset = fc.record({ sign: fc.constantFrom('+', '-'), hours: fc.nat(23), minutes: fc.nat(59) });
  fc.assert(
    fc.property(second, fraction, offset, (ms, digits, { sign, hours, minutes }) => {
      const dotted = digits === null ? '' : `.${digits}`;
      const zone = `${sign}${two(hours)}:${two(minutes)}`;
      const moment = Date.parse(`${withoutZone(ms)}${zone}`);
      expect(timestampOf(`${withoutZone(ms)}${dotted}${zone}`)).toBe(`${withoutZone(moment)}${dotted}Z`);
    }),
  );
});

test('any Unix time is the same moment, in seconds and in milliseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100_000_000_000, max: 253_402_300_799_999 }), (ms) => {
      expect(timestampOf(String(ms))).toBe(new Date(ms).toISOString());
      const seconds = Math.floor(ms / 10_000);
      expect(timestampOf(String(seconds))).toBe(new Date(seconds * 1_000).toISOString());
    }),
  );
});

test('a day that does not exist is no timestamp, and every other one is', () => {
  fc.assert(
    fc.property(fc.nat(9_999), fc.nat(14), fc.nat(33), (year, month, day) => {
      const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
      const ms = Date.parse(`${date}T00:00:00Z`);
      const exists = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
      expect(mapped({ userId: 'u1', timestamp: date }).ok).toBe(exists);
      expect(mapped({ userId: 'u1', timestamp: `${date}T12:00:00+01:00` }).ok).toBe(exists);
    }),
    { numRuns: 1_000 },
  );
});

describe('any date-time in a zone is the first moment at which its clocks show it', () => {
  /** One mapper for many rows, as a run has it. */
  const firstMomentIn = (timeZone: string) => {
    const mapper = createMapper(columns('userId', ['x', 'datetime']), options({ timeZone }));
    return (ms: number) => {
      const shown = clock(timeZone, ms);
      const { traits } = parsed(done(mapper.map(['u1', shown]))) as { traits: { x: string } };
      const sent = Date.parse(traits.x);
      if (sent === ms) return;
      expect(sent).toBeLessThan(ms);
      expect(clock(timeZone, sent)).toBe(shown);
    };
  };

  test.each(ZONES)('in %s, at random', (timeZone) => {
    fc.assert(fc.property(modernSecond, firstMomentIn(timeZone)));
  });

  test.each(ZONES)('in %s, every hour of the years 2000, 2011 and 2021', (timeZone) => {
    const firstMoment = firstMomentIn(timeZone);
    for (const year of [2000, 2011, 2021]) {
      const end = Date.UTC(year + 1, 0, 1);
      for (let ms = Date.UTC(year, 0, 1, 0, 15); ms < end; ms += 3_600_000) firstMoment(ms);
    }
  });
});

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of a zone show at a moment. */
function clock(timeZone: string, ms: number): string {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  formats.set(timeZone, format);
  return format.format(ms).replace(' ', 'T');
}
