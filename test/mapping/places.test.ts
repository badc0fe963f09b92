import { describe, expect, test } from 'vitest';
import { createMapper } from '../../mapping/createMapper.ts';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import {
  callOf,
  columns,
  CONTAINER,
  lineOf,
  mappedRow,
  NEEDED,
  options,
  parsed,
  done,
  refusalOf,
} from './given.ts';

/* Where a column goes: to the call's top level, or to its traits or properties. */

const spellings = (name: string) => [name, name.toLowerCase(), name.toUpperCase()];

describe.each(CALL_TYPES)('%s', (type) => {
  const container = CONTAINER[type];
  const own = container === 'traits' ? 'groupId' : 'event';
  const foreign = container === 'traits' ? 'event' : 'groupId';

  test.each(
    ['userId', 'anonymousId', own, 'messageId'].flatMap((name) => spellings(name).map((s) => [s, name])),
  )('takes the column %s as its %s', (column, reserved) => {
    const others = Object.entries(NEEDED[type]).filter(([name]) => name !== reserved);
    const call = parsed(done(mappedRow([...others, [column, 'v-1'], ['plan', 'pro']], { type })));
    expect(call[reserved]).toBe('v-1');
    expect(call[container]).toEqual({ plan: 'pro' });
  });

  test.each(spellings('timestamp'))('takes the column %s as its timestamp', (column) => {
    const call = callOf({ ...NEEDED[type], [column]: '2026-01-31' }, { type });
    expect(call['timestamp']).toBe('2026-01-31T00:00:00Z');
    expect(call[container]).toEqual({});
  });

  test.each(['context', 'integrations'].flatMap((name) => spellings(name).map((s) => [s, name])))(
    'takes the column %s and what lies below it as its %s',
    (column, reserved) => {
      const below = callOf(
        { ...NEEDED[type], [`${column}.ip`]: '10.0.0.1', [`${column}.Os.name`]: 'x' },
        { type },
      );
      expect(below[reserved]).toEqual({ ip: '10.0.0.1', Os: { name: 'x' } });
      const whole = callOf({ ...NEEDED[type], [column]: ['json', '{"ip":"10.0.0.1"}'] }, { type });
      expect(whole[reserved]).toEqual({ ip: '10.0.0.1' });
      expect([below[container], whole[container]]).toEqual([{}, {}]);
    },
  );

  test(`keeps ${foreign} and everything else in its ${container}, as it is spelled`, () => {
    const others = {
      [foreign]: 'f',
      Plan: 'pro',
      plan: 'free',
      type: 't',
      traits: 'a',
      properties: 'b',
      user_id: 'c',
      name: 'n',
    };
    const call = callOf({ ...NEEDED[type], ...others }, { type });
    expect(call[container]).toEqual(others);
    expect(call['type']).toBe(type);
    expect(call).not.toHaveProperty(foreign);
  });

  test('nests a dotted name, and gathers what shares a parent', () => {
    const call = callOf(
      {
        ...NEEDED[type],
        'cart.product_name': 'Tea',
        x: '1',
        'cart.size.unit': 'g',
        'cart.size.n': ['number', '5'],
      },
      { type },
    );
    expect(call[container]).toEqual({ cart: { product_name: 'Tea', size: { unit: 'g', n: 5 } }, x: '1' });
  });

  test('names a parent once, where it first stands', () => {
    const row = { ...NEEDED[type], 'cart.id': '1', x: '2', 'cart.name': '3', 'cart.size.n': '4' };
    expect(lineOf(row, { type })).toContain(
      `"${container}":{"cart":{"id":"1","name":"3","size":{"n":"4"}},"x":"2"}}`,
    );
  });

  test.each(['relationshipAttributes', 'relationshipattributes', 'RELATIONSHIPATTRIBUTES'])(
    'spells %s as the API does',
    (column) => {
      const whole = callOf({ ...NEEDED[type], [column]: ['json', '{"job_title":"CEO"}'] }, { type });
      expect(whole[container]).toEqual({ relationshipAttributes: { job_title: 'CEO' } });
      const dotted = callOf({ ...NEEDED[type], [`${column}.job_title`]: 'CEO' }, { type });
      expect(dotted[container]).toEqual({ relationshipAttributes: { job_title: 'CEO' } });
    },
  );

  test.each(['userId', 'anonymousId', own, 'messageId', 'timestamp'])('refuses a column below %s', (name) => {
    const column = `${name.toUpperCase()}.x`;
    const error = refusalOf(columns(...Object.keys(NEEDED[type]), column), { type });
    expect(error.code).toBe('mapping_invalid');
    expect(error.message).toBe(
      `The column "${column}" lies below ${name}, which is reserved and holds a single value; rename it with \`AS\`.`,
    );
  });

  test('has an empty object where every column is reserved', () => {
    expect(callOf(NEEDED[type], { type })[container]).toEqual({});
  });

  test('says of every column where it goes and why', () => {
    const { placements } = createMapper(
      columns(...Object.keys(NEEDED[type]), 'CONTEXT.ip', 'plan', 'cart.id'),
      options({ type }),
    );
    const what = container === 'traits' ? 'a trait' : 'a property';
    expect(placements.slice(-3)).toEqual([
      { column: 'CONTEXT.ip', path: ['context', 'ip'], why: 'context is reserved' },
      { column: 'plan', path: [container, 'plan'], why: `not reserved, so ${what}` },
      {
        column: 'cart.id',
        path: [container, 'cart', 'id'],
        why: `not reserved, so ${what}, nested by its dots`,
      },
    ]);
    expect(placements.map(({ column }) => column)).toContain('userId');
  });
});

describe('two columns that claim one place', () => {
  test.each([
    ['a', 'a', 'traits.a'],
    ['cart', 'cart.id', 'traits.cart'],
    ['cart.id', 'cart', 'traits.cart'],
    ['a.b.c', 'a.b', 'traits.a.b'],
    ['a', 'a.b.c.d', 'traits.a'],
    ['anonymousId', 'ANONYMOUSID', 'anonymousId'],
    ['context', 'CONTEXT', 'context'],
    ['Context', 'context.ip', 'context'],
    ['context.ip', 'CONTEXT.ip', 'context.ip'],
    ['integrations.All', 'integrations', 'integrations'],
    ['relationshipAttributes', 'relationshipattributes', 'traits.relationshipAttributes'],
    ['relationshipattributes', 'relationshipAttributes.role', 'traits.relationshipAttributes'],
    ['__proto__', '__proto__', 'traits.__proto__'],
  ])('%s and %s are refused with both names', (one, other, place) => {
    const error = refusalOf(columns('userId', one, 'between', other));
    expect(error.code).toBe('mapping_invalid');
    expect(error.message).toContain(JSON.stringify(one));
    expect(error.message).toContain(JSON.stringify(other));
    expect(error.message).toContain(`both claim ${place}; rename or remove one of them.`);
  });

  test.each([
    ['plan', 'Plan'],
    ['cart', 'cart_id'],
    ['cart.id', 'cart.Id'],
    ['a.b', 'a.bc'],
    ['context.ip', 'context.IP'],
    ['context.a.b', 'context.a.c'],
  ])('%s and %s stand side by side', (one, other) => {
    expect(createMapper(columns('userId', one, other), options()).placements).toHaveLength(3);
  });
});

describe('a column name', () => {
  test.each(['', '.', 'a.', '.a', 'a..b', 'context.', 'context..ip'])(
    'like "%s" is refused for its empty part',
    (name) => {
      const error = refusalOf(columns('userId', name));
      expect(error.code).toBe('mapping_invalid');
      expect(error.message).toContain(
        `The column ${JSON.stringify(name)} has an empty name or an empty part`,
      );
      expect(error.message).toContain('`AS`');
    },
  );

  test.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '?column?',
    ' ',
    'ключ',
    '🙂',
    'a"b',
    'a\\b',
    'a\nb',
    '\u0000',
    '\ud800',
  ])('like %j arrives as it is', (name) => {
    const traits = parsed(
      done(
        mappedRow([
          ['userId', 'u1'],
          [name, 'v'],
        ]),
      ),
    )['traits'] as object;
    expect(Object.entries(traits)).toEqual([[name, 'v']]);
    const nested = parsed(
      done(
        mappedRow([
          ['userId', 'u1'],
          [`context.${name}.${name}`, 'v'],
        ]),
      ),
    )['context'] as object;
    const [[outer, inner]] = Object.entries(nested) as [[string, object]];
    expect([outer, Object.entries(inner)]).toEqual([name, [[name, 'v']]]);
  });
});

describe('a column that every row lacks is known before the first row', () => {
  test.each([
    ['identify', ['plan'], '"userId", "anonymousId" or "email"'],
    ['track', ['event'], '"userId" or "anonymousId"'],
    ['track', ['userId'], '"event"'],
    ['track', ['userId', 'name'], '"event"'],
    ['page', ['name'], '"userId" or "anonymousId"'],
    ['screen', ['email'], '"userId" or "anonymousId"'],
    ['group', ['userId', 'name'], '"groupId"'],
  ] as const)('%s of %j', (type, names, missing) => {
    const error = refusalOf(columns(...names), { type });
    expect(error.code).toBe('mapping_invalid');
    expect(error.message).toContain(`The query returns no column ${missing}`);
    expect(error.message).toMatch(/; add one, such as `.* AS .*`\.$/);
  });

  test('a result without any columns', () => {
    expect(refusalOf([]).message).toContain('The query returns no column "userId", "anonymousId" or "email"');
  });
});
