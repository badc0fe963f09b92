import { Cron as Croner } from 'croner';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeTiming, scheduleTiming, wordsOf } from '../../definitions/schedule.ts';
import { SyncDefinition } from '../../definitions/sync.ts';
import { firings } from './cronMatcher.ts';

/* What a Schedule is told, and what is read back from one. */

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const sync = (timing: Partial<SyncDefinition>) =>
  SyncDefinition.parse({ name: 'a', integration: 'b', type: 'track', query: 'SELECT 1', ...timing });
const timingOf = (timing: Partial<SyncDefinition>, createdAt = '2027-01-01T00:00:00Z') =>
  scheduleTiming(sync(timing), Date.parse(createdAt));
const calendarsOf = (cron: string) => timingOf({ cron }).spec.calendars ?? [];

/** A field of a cron in all its forms. */
function field(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const word = (number: number) =>
    names.length === 0 ? fc.constant(String(number)) : fc.constantFrom(String(number), names[number - min]!);
  const single = value.chain(word);
  const range = fc
    .tuple(value, value)
    .map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const)
    .chain(([from, to]) => fc.tuple(word(from), word(to)))
    .map((ends) => ends.join('-'));
  const step = fc.integer({ min: 1, max: Math.min(99, max - min) });
  const stepped = fc.tuple(fc.oneof(fc.constant('*'), range), step).map((parts) => parts.join('/'));
  const list = fc.array(fc.oneof(single, range, stepped), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    fc.constant('*'),
    list.map((parts) => parts.join(',')),
  );
}

const MONTHS = ['jan', 'FEB', 'Mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'MON', 'Tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
/** In a range, the word for Sunday is 0 to some readers of crons and 7 to others. */
const isPlain = (cron: string) => !/sun-|-sun/i.test(cron);
const anyTime = fc.tuple(field(0, 59), field(0, 23)).map((fields) => fields.join(' '));
const anyDay = fc
  .tuple(field(1, 31), field(1, 12, MONTHS), field(0, 7, WEEKDAYS))
  .map((fields) => fields.join(' '))
  .filter(isPlain);
const anyCron = fc.tuple(anyTime, anyDay).map((parts) => parts.join(' '));

function cronerFirings(cron: string, from: Date, to: Date): string[] {
  const croner = new Croner(cron, { paused: true, mode: '5-part', timezone: 'UTC' });
  const found: string[] = [];
  let next = croner.nextRun(new Date(from.getTime() - 1));
  while (next !== null && next < to) {
    found.push(next.toISOString());
    next = croner.nextRun(next);
  }
  return found;
}

describe('the calendars of a cron', () => {
  const from = new Date('2028-02-14T00:00:00Z');
  const to = new Date(from.getTime() + 28 * DAY_MS);

  test.each([
    '* * * * *',
    '0 6 * * *',
    '30 6 * * MON',
    '*/10 8-18 * * mon-fri',
    '0 0 1,15 * 5',
    '0 0 */2 * MON',
    '0 0 1-31 * MON',
    '0 0 *,5 * 1',
    '0 0 13 * */2',
    '0 0 ? * SAT-SUN',
    '0 0 * * 0-7',
    '0 0 * * 7',
    '0 0 29 2 *',
    '5-59/15 */7 * jan-mar/2 *',
    '0 12 31 * 0-6',
  ])('%s fires when cron does', (cron) => {
    const found = firings(calendarsOf(cron), from, to);
    expect(found).toEqual(cronerFirings(cron, from, to));
    expect(found.length).toBeGreaterThan(0);
  });

  test('any minutes and hours fire when cron does', () => {
    const nextDay = new Date(from.getTime() + DAY_MS);
    fc.assert(
      fc.property(anyTime, (time) => {
        const cron = `${time} * * *`;
        expect(firings(calendarsOf(cron), from, nextDay)).toEqual(cronerFirings(cron, from, nextDay));
      }),
    );
  });

  test('any days fire when cron does', () => {
    const nextYear = new Date('2029-02-14T00:00:00Z');
    fc.assert(
      fc.property(anyDay, (days) => {
        const cron = `0 0 ${days}`;
        const read = SyncDefinition.safeParse({ ...sync({ every: '1m' }), every: undefined, cron });
        // Some never fire, such as "0 0 31 2 *", and are refused.
        fc.pre(read.success);
        expect(firings(calendarsOf(cron), from, nextYear)).toEqual(cronerFirings(cron, from, nextYear));
      }),
    );
  });

  test('carry the words of the user and the time zone, and are read back from them', () => {
    fc.assert(
      fc.property(anyCron, fc.constantFrom('UTC', 'Europe/Berlin'), (cron, timezone) => {
        fc.pre(SyncDefinition.safeParse({ ...sync({ every: '1m' }), every: undefined, cron }).success);
        expect(describeTiming(timingOf({ cron, timezone }).spec)).toEqual({ cron, timezone });
      }),
    );
  });

  test('are in UTC unless the sync names a time zone', () => {
    expect(timingOf({ cron: '0 6 * * *' }).spec.timezone).toBe('UTC');
  });

  test('begin at startAt', () => {
    const { startAt } = timingOf({ cron: '0 6 * * *', startAt: '2027-05-01T08:00:00+02:00' }).spec;
    expect(startAt?.toISOString()).toBe('2027-05-01T06:00:00.000Z');
  });
});

describe('how late a missed run of a cron may start: until the next one', () => {
  test.each([
    ['* * * * *', 60_000],
    ['*/15 * * * *', 15 * 60_000],
    ['0 6 * * *', DAY_MS],
    ['0 6,9 * * *', 21 * HOUR_MS],
    ['*/5 9 * * *', 23 * HOUR_MS + 5 * 60_000],
    ['0 6 * * MON-FRI', 3 * DAY_MS],
    ['* 9 1 * *', 30 * DAY_MS + 23 * HOUR_MS + 60_000],
    ['0 0 1 1 *', 366 * DAY_MS],
  ])('%s', (cron, ms) => {
    expect(timingOf({ cron }).catchupWindowMs).toBe(ms);
  });
});

describe('intervals', () => {
  /** Temporal's reference: an interval matches epoch + n * every + offset. */
  const nextAfter = (everyMs: number, offsetMs: number, afterMs: number) =>
    Math.floor((afterMs - offsetMs) / everyMs) * everyMs + everyMs + offsetMs;

  test('count from startAt where there is one, in whole seconds', () => {
    const anyStart = fc.date({
      min: new Date('1960-01-01T00:00:00Z'),
      max: new Date('2099-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(anyStart, fc.integer({ min: 60, max: 900_000 }), (start, seconds) => {
        const { spec } = timingOf({ every: `${seconds} seconds`, startAt: start.toISOString() });
        const [{ every, offset }] = spec.intervals as [{ every: number; offset: number }];
        const startMs = Math.floor(start.getTime() / 1_000) * 1_000;
        expect(spec.startAt?.getTime()).toBe(startMs);
        expect(every).toBe(seconds * 1_000);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThan(every);
        expect(offset % 1_000).toBe(0);
        expect(nextAfter(every, offset, startMs - 1)).toBe(startMs);
      }),
    );
  });

  test('count from creation where there is no startAt', () => {
    const { spec } = timingOf({ every: '15 minutes' }, '2027-01-01T10:07:31.900Z');
    expect(spec).toEqual({ intervals: [{ every: 900_000, offset: (7 * 60 + 31) * 1_000 }] });
  });

  test('a missed one may start until the next is due', () => {
    expect(timingOf({ every: '15 minutes' }).catchupWindowMs).toBe(900_000);
    expect(timingOf({ every: '1 minute' }).catchupWindowMs).toBe(60_000);
    expect(timingOf({ every: '2 weeks' }).catchupWindowMs).toBe(14 * DAY_MS);
  });

  test('are read back in the largest unit', () => {
    expect(describeTiming(timingOf({ every: '120m' }).spec)).toEqual({ every: '2 hours' });
    expect(describeTiming(timingOf({ every: '90 seconds' }).spec)).toEqual({ every: '90 seconds' });
    expect(wordsOf(60_000)).toBe('1 minute');
    expect(wordsOf(14 * DAY_MS)).toBe('14 days');
  });
});

describe('a Schedule that was changed elsewhere has no words', () => {
  const calendar = (comment?: string) => ({ comment });

  test.each([
    ['one without anything', {}],
    ['one with two intervals', { intervals: [{ every: 60_000 }, { every: 90_000 }] }],
    [
      'one with an interval and a calendar',
      { intervals: [{ every: 60_000 }], calendars: [calendar('0 6 * * *')] },
    ],
    ['one with a calendar without a comment', { calendars: [calendar()] }],
    ['one whose comment is no cron', { calendars: [calendar('every morning')] }],
    ['one with two crons', { calendars: [calendar('0 6 * * *'), calendar('0 7 * * *')] }],
    ['one with a calendar more', { calendars: [calendar('0 6 * * *'), calendar()] }],
  ])('%s', (_what, spec) => {
    expect(describeTiming(spec)).toEqual({});
  });
});
