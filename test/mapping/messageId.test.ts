import { decodeTime, isValid } from 'ulid';
import { describe, expect, test } from 'vitest';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import { repeatMessageId } from '../../mapping/messageId.ts';
import { callOf, columns, done, FIRST_ATTEMPT_MS, mapped, NEEDED, problemOf, refusalOf } from './given.ts';
import type { Given, GivenCell } from './given.ts';

/* The id by which a destination knows a call again. */

type Cells = Readonly<Record<string, GivenCell>>;

const idOf = (row: Cells, given: Given = {}) => done(mapped(row, given)).messageId;
const ROW: Cells = { userId: 'u1', plan: 'pro', visits: ['number', '3'], left: null };
const WINDOW = { id: 'window-1', firstAttemptAtMs: FIRST_ATTEMPT_MS };

describe.each(CALL_TYPES)('the messageId of %s', (type) => {
  const row = { ...NEEDED[type], plan: 'pro' };

  test('is a ULID of the moment in which the window was first attempted, and stands in the call', () => {
    const { messageId, repeatable } = done(mapped(row, { type }));
    expect(isValid(messageId)).toBe(true);
    expect(decodeTime(messageId)).toBe(FIRST_ATTEMPT_MS);
    expect(repeatable).toBe(true);
    expect(callOf(row, { type })['messageId']).toBe(messageId);
  });

  test('is the same when the row is read again for the window, and another in another window', () => {
    expect(idOf(row, { type })).toBe(idOf(row, { type }));
    const next = { ...WINDOW, id: 'window-2' };
    expect(idOf(row, { type, window: next })).not.toBe(idOf(row, { type, window: WINDOW }));
  });

  test('is that of a `messageId` column where the row has one', () => {
    const own = done(mapped({ ...row, MESSAGEID: 'order-17' }, { type }));
    expect(own).toMatchObject({ messageId: 'order-17', repeatable: false });
    for (const none of [null, '']) {
      expect(idOf({ ...row, messageId: none }, { type })).toBe(idOf(row, { type }));
    }
  });
});

test('another sync, another type or another value is another messageId', () => {
  const both = { userId: 'u1', groupId: 'g1', plan: 'pro' };
  const ids = [
    idOf(ROW),
    idOf(ROW, { sync: 'people-2' }),
    idOf({ ...ROW, plan: 'free' }),
    idOf({ ...ROW, plan: null }),
    idOf({ ...ROW, left: '' }),
    idOf({ ...ROW, visits: '3' }),
    idOf({ userId: 'u1', pla: 'npro' }),
    idOf({ userId: 'u1', 'context.plan': 'pro' }),
    idOf({ userId: 'u1', 'context.plan': 'free' }),
    idOf({ userId: 'u1', 'integrations.plan': 'pro' }),
    idOf({ userId: 'u1', plan: 'pro', timestamp: '2026-01-31' }),
    idOf(both, { type: 'identify' }),
    idOf(both, { type: 'group' }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test('ten thousand rows have ten thousand messageIds, which differ in every part of their digest', () => {
  const ids = Array.from({ length: 10_000 }, (_none, n) => idOf({ userId: String(n) }));
  expect(new Set(ids).size).toBe(10_000);
  for (let start = 10; start < 26; start += 4) {
    expect(new Set(ids.map((id) => id.slice(start, start + 4))).size).toBeGreaterThan(9_900);
  }
  expect(ids.filter((id) => id.slice(10, 18) === id.slice(18))).toEqual([]);
});

test('every repetition of a row has a ULID of its own with the time of the first, always the same', () => {
  const first = idOf(ROW);
  const repeats = [1, 2, 3].map((repetition) => repeatMessageId(first, repetition));
  expect(new Set([first, ...repeats]).size).toBe(4);
  expect(repeats).toEqual([1, 2, 3].map((repetition) => repeatMessageId(first, repetition)));
  for (const id of repeats) {
    expect(isValid(id)).toBe(true);
    expect(decodeTime(id)).toBe(FIRST_ATTEMPT_MS);
  }
});

describe('a `messageId` column', () => {
  test('may have 99 characters, and not one more', () => {
    for (const character of ['x', 'é', '🙂']) {
      expect(idOf({ ...ROW, messageId: character.repeat(99) })).toBe(character.repeat(99));
      expect(problemOf({ ...ROW, messageId: character.repeat(100) })).toMatchObject({
        code: 'invalid_value',
        message: expect.stringContaining(' is 100 characters long, more than the 99') as unknown,
      });
    }
  });

  test('that is too long is quoted in part', () => {
    expect(problemOf({ ...ROW, messageId: 'x'.repeat(5_000) }).message).toBe(
      `The messageId "${'x'.repeat(100)}…" is 5000 characters long, more than the 99 that destinations take; shorten it in the query.`,
    );
  });

  test('may be a number', () => {
    expect(idOf({ ...ROW, messageId: ['number', '17'] })).toBe('17');
  });

  test('wins over `messageIdFrom`, whatever the timestamp', () => {
    const row = { ...ROW, id: '7', timestamp: null, messageId: 'mine' };
    expect(idOf(row, { messageIdFrom: ['id'] })).toBe('mine');
  });
});

describe('`messageIdFrom`', () => {
  const given = { messageIdFrom: ['order_id', 'line'] };
  const row: Cells = {
    userId: 'u1',
    order_id: ['number', '7'],
    line: 'a',
    note: 'x',
    timestamp: ['instant', '2026-01-31T08:15:00.123456Z'],
  };

  test("makes a ULID of the row's timestamp", () => {
    const { messageId, repeatable } = done(mapped(row, given));
    expect(isValid(messageId)).toBe(true);
    expect(decodeTime(messageId)).toBe(Date.parse('2026-01-31T08:15:00.123Z'));
    expect(repeatable).toBe(false);
  });

  test('makes the same in every window and whatever else the row holds', () => {
    const window = { id: 'window-2', firstAttemptAtMs: FIRST_ATTEMPT_MS + 60_000 };
    expect(idOf(row, { ...given, window })).toBe(idOf(row, given));
    expect(idOf({ ...row, note: 'y', extra: '1' }, given)).toBe(idOf(row, given));
  });

  test('makes another for other values, their order, NULL, another time and another sync', () => {
    const ids = [
      idOf(row, given),
      idOf(row, { ...given, sync: 'other' }),
      idOf(row, { messageIdFrom: ['line', 'order_id'] }),
      idOf(row, { messageIdFrom: ['line'] }),
      idOf({ ...row, line: 'b' }, given),
      idOf({ ...row, line: null }, given),
      idOf({ ...row, line: 'null' }, given),
      idOf({ ...row, line: '' }, given),
      idOf({ ...row, order_id: '7a', line: '' }, given),
      idOf({ ...row, timestamp: '2026-01-31T08:15:01Z' }, given),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('takes columns of every kind, reserved ones among them', () => {
    const kinds: Cells = { a: ['boolean', true], b: ['binary', Uint8Array.of(1)], c: ['json', '{}'] };
    const names = ['a', 'b', 'c', 'USERID', 'timestamp'];
    expect(isValid(idOf({ ...row, ...kinds }, { messageIdFrom: names }))).toBe(true);
  });

  test('takes a column in any letter case, and the exact one where there are two', () => {
    expect(idOf(row, { messageIdFrom: ['ORDER_ID', 'Line'] })).toBe(idOf(row, given));
    const two = { ...row, Line: 'b' };
    expect(idOf(two, { messageIdFrom: ['Line'] })).toBe(
      idOf({ ...row, line: 'b' }, { messageIdFrom: ['line'] }),
    );
  });

  test('refuses a result without one of its columns, or without a timestamp', () => {
    const missing = refusalOf(columns('userId', 'timestamp', 'order_id'), given);
    expect(missing.code).toBe('mapping_invalid');
    expect(missing.message).toBe(
      '`messageIdFrom` names the column "line", which the query does not return; add it, or correct the name.',
    );
    const timeless = refusalOf(columns('userId', 'order_id', 'line'), given);
    expect(timeless.code).toBe('mapping_invalid');
    expect(timeless.message).toBe(
      'The query returns no column "timestamp", from which `messageIdFrom` takes the time of the messageId; add one, such as `created AS timestamp`.',
    );
  });

  test('refuses a row without a timestamp, and one from before 1970', () => {
    expect(problemOf({ ...row, timestamp: null }, given)).toEqual({
      ok: false,
      code: 'missing_timestamp',
      message:
        'The row has no timestamp, from which `messageIdFrom` takes the time of the messageId; leave such rows out of the query, or fill it.',
    });
    expect(decodeTime(idOf({ ...row, timestamp: ['number', '0'] }, given))).toBe(0);
    expect(problemOf({ ...row, timestamp: ['number', '-1'] }, given)).toEqual({
      ok: false,
      code: 'invalid_timestamp',
      message:
        'The timestamp "1969-12-31T23:59:59.000Z" lies before 1970, and `messageIdFrom` takes the time of the messageId from it; leave such rows out of the query, or correct it.',
    });
  });
});
