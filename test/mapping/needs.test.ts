import { describe, expect, test } from 'vitest';
import { createMapper } from '../../mapping/createMapper.ts';
import { callOf, columns, done, mapped, options, problemOf, refusalOf, STRICT } from './given.ts';
import type { GivenCell } from './given.ts';

/* What a type of call needs at the least, by destination, and whose call it is. */

const LENIENT = { identifyByEmail: true, groupWithoutPerson: true };
const EVERYWHERE = [
  ['Customer.io', LENIENT],
  ['every other destination', STRICT],
] as const;

type Cells = Readonly<Record<string, string | null>>;

describe.each(EVERYWHERE)('to %s', (_name, duties) => {
  test.each([
    ['identify', { userId: 'u1' }],
    ['identify', { anonymousId: 'a1' }],
    ['identify', { userId: 'u1', anonymousId: 'a1' }],
    ['track', { userId: 'u1', event: 'Bought' }],
    ['track', { anonymousId: 'a1', event: 'Bought' }],
    ['page', { userId: 'u1' }],
    ['page', { anonymousId: 'a1' }],
    ['screen', { userId: 'u1' }],
    ['screen', { anonymousId: 'a1' }],
    ['group', { groupId: 'g1', userId: 'u1' }],
    ['group', { groupId: 'g1', anonymousId: 'a1' }],
  ] as const)('%s of %j is a call', (type, row) => {
    expect(callOf(row, { type, duties })).toMatchObject({ type, ...row });
  });

  test.each([
    ['track', { userId: 'u1', event: null }, 'missing_event', 'The row has no event, which a track needs'],
    ['track', { userId: 'u1', event: '' }, 'missing_event', 'The row has no event, which a track needs'],
    ['track', { userId: null, event: 'e', email: 'a@b.c' }, 'missing_user', 'no userId or anonymousId'],
    ['page', { userId: null, email: 'a@b.c' }, 'missing_user', 'one of which a page needs'],
    ['screen', { anonymousId: '', name: 'n' }, 'missing_user', 'one of which a screen needs'],
    ['identify', { userId: null, anonymousId: '', email: null }, 'missing_user', 'one of which an identify'],
    ['group', { userId: 'u1', groupId: null }, 'missing_group_id', 'no groupId, which a group needs'],
    ['group', { userId: 'u1', groupId: '' }, 'missing_group_id', 'no groupId, which a group needs'],
  ] as const)('a row of %s with %j is refused with what it lacks and the fix', (type, row, code, lack) => {
    const problem = problemOf(row, { type, duties });
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(lack);
    expect(problem.message).toMatch(/; leave such rows out of the query, or fill it\.$/);
  });
});

describe('an identify that has only an email', () => {
  test('goes to Customer.io with an empty userId', () => {
    for (const row of [{ email: 'a@b.c' }, { userId: null, email: 'a@b.c' }, { userId: '', email: 'a@b.c' }])
      expect(callOf(row)).toMatchObject({ userId: '', traits: { email: 'a@b.c' } });
  });

  test('has no empty userId beside an anonymousId', () => {
    expect(callOf({ anonymousId: 'a1', email: 'a@b.c' })).not.toHaveProperty('userId');
  });

  test('goes nowhere else', () => {
    expect(refusalOf(columns('email'), { duties: STRICT }).message).toBe(
      'The query returns no column "userId" or "anonymousId", one of which an identify needs; add one, such as `id AS "userId"`.',
    );
    expect(problemOf({ userId: null, email: 'a@b.c' }, { duties: STRICT })).toEqual({
      ok: false,
      code: 'missing_user',
      message:
        'The row has no userId or anonymousId, one of which an identify needs; leave such rows out of the query, or fill it.',
    });
  });

  test.each([
    ['a number of JSON', ['json', '12']],
    ['an object', ['json', '{"a":"b"}']],
    ['a boolean', ['boolean', true]],
    ['bytes', ['binary', Uint8Array.of(1)]],
    ['nothing', ''],
  ] as readonly (readonly [string, GivenCell])[])('needs one that is text, not %s', (_name, email) => {
    expect(problemOf({ email }).message).toBe(
      'The row has no userId, anonymousId or email, one of which an identify needs; leave such rows out of the query, or fill it.',
    );
  });

  test('needs it as a trait of its own, not below another', () => {
    expect(refusalOf(columns('contact.email')).code).toBe('mapping_invalid');
  });
});

describe('a group without a person', () => {
  test('goes to Customer.io, and has no userId', () => {
    for (const row of [{ groupId: 'g1' }, { groupId: 'g1', userId: null }]) {
      const call = callOf(row, { type: 'group' });
      expect(call).toMatchObject({ type: 'group', groupId: 'g1' });
      expect(call).not.toHaveProperty('userId');
    }
  });

  test('goes nowhere else', () => {
    const given = { type: 'group', duties: STRICT } as const;
    expect(refusalOf(columns('groupId', 'email'), given).message).toContain(
      'The query returns no column "userId" or "anonymousId", one of which a group needs',
    );
    expect(problemOf({ groupId: 'g1', userId: null }, given).code).toBe('missing_user');
  });
});

describe("a person's calls are those of one", () => {
  test.each([
    ['userId', { userId: 'u1', anonymousId: 'a1', groupId: 'g1', email: 'e1' }, 'u1'],
    ['anonymousId, without a userId', { userId: null, anonymousId: 'a1', groupId: 'g1', email: 'e1' }, 'a1'],
    ['groupId, without those', { userId: null, anonymousId: '', groupId: 'g1', email: 'e1' }, 'g1'],
    ['email, without any of those', { userId: null, groupId: null, email: 'e1' }, 'e1'],
  ] as readonly (readonly [string, Cells, string])[])('%s', (_name, row, person) => {
    expect(done(mapped(row)).person).toBe(person);
  });

  test('group, where nobody is named', () => {
    expect(done(mapped({ groupId: 'g1', email: 'e1' }, { type: 'group' })).person).toBe('g1');
  });
});

describe.each(['page', 'screen'] as const)('the name of a %s', (type) => {
  const named = (row: Readonly<Record<string, GivenCell>>) => callOf({ userId: 'u1', ...row }, { type });

  test('is its event, which stays in place', () => {
    const call = named({ EVENT: 'Home', url: '/' });
    expect(call).toMatchObject({ event: 'Home', name: 'Home', properties: { url: '/' } });
  });

  test('is its `name` column without an event, and stays among the properties', () => {
    const call = named({ name: 'Home' });
    expect(call).toMatchObject({ name: 'Home', properties: { name: 'Home' } });
    expect(call).not.toHaveProperty('event');
  });

  test('is the event where there are both, and `name` stays a property', () => {
    const call = named({ event: 'Viewed', name: 'Home' });
    expect(call).toMatchObject({ event: 'Viewed', name: 'Viewed', properties: { name: 'Home' } });
  });

  test('is left out where there is none', () => {
    const rows: readonly Readonly<Record<string, GivenCell>>[] = [
      { url: '/' },
      { name: null },
      { name: '' },
      { event: null },
      { name: ['json', '{"en":"Home"}'] },
      { 'name.en': 'Home' },
    ];
    for (const row of rows) expect(named(row)).not.toHaveProperty('name');
  });
});

test.each(['identify', 'track', 'group'] as const)('a %s has no name at its top', (type) => {
  const call = callOf({ userId: 'u1', groupId: 'g1', event: 'Bought', name: 'Ann' }, { type });
  expect(call).not.toHaveProperty('name');
});

test('a result that is as it should be has no warning', () => {
  expect(createMapper(columns('userId', 'email'), options()).warnings).toEqual([]);
});
