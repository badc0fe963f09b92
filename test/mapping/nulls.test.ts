import { describe, expect, test } from 'vitest';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import { callOf, CONTAINER, NEEDED } from './given.ts';

/* What NULL is in the call. */

describe.each(CALL_TYPES)('NULL in %s', (type) => {
  const row = {
    ...NEEDED[type],
    plan: null,
    'cart.id': null,
    'cart.name': 'Tea',
    'empty.x': null,
    age: ['number', null],
  } as const;

  test('is sent as null among traits and properties', () => {
    expect(callOf(row, { type })[CONTAINER[type]]).toEqual({
      plan: null,
      cart: { id: null, name: 'Tea' },
      empty: { x: null },
      age: null,
    });
  });

  test('is left out with `nulls: omit`, with parents that hold nothing else', () => {
    expect(callOf(row, { type, nulls: 'omit' })[CONTAINER[type]]).toEqual({ cart: { name: 'Tea' } });
  });

  test('is left out with `nulls: omit` until an empty object is left', () => {
    expect(
      callOf({ ...NEEDED[type], plan: null, 'a.b': null }, { type, nulls: 'omit' })[CONTAINER[type]],
    ).toEqual({});
  });

  test('is not what JSON calls null', () => {
    const call = callOf(
      { ...NEEDED[type], x: ['json', 'null'], y: ['json', '{"z":null}'] },
      { type, nulls: 'omit' },
    );
    expect(call[CONTAINER[type]]).toEqual({ x: null, y: { z: null } });
  });

  test.each(['send', 'omit'] as const)('is left out of reserved fields with `nulls: %s`', (nulls) => {
    const call = callOf(
      {
        ...NEEDED[type],
        anonymousId: null,
        messageId: null,
        timestamp: null,
        'context.ip': null,
        'context.os.name': null,
        integrations: null,
      },
      { type, nulls },
    );
    expect(Object.keys(call).sort()).toEqual(
      [CONTAINER[type], 'messageId', 'type', ...Object.keys(NEEDED[type])].sort(),
    );
  });
});
