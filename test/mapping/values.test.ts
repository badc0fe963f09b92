import { describe, expect, test } from 'vitest';
import { callOf, traitOf } from './given.ts';

/* What text, booleans and bytes are in the call. */

describe('text of every other source', () => {
  test.each(['{"a":1}', '[1]', '12', 'null', 'true', '', ' a ', '2026-01-31', '1700000000'])(
    'like %j stays text',
    (text) => {
      expect(traitOf(text)).toBe(text);
    },
  );

  test.each([
    '"',
    '\\',
    '\n\r\t\b\f',
    '\u0000\u001f\u007f',
    '\u2028\u2029',
    'é€漢🙂',
    '\u{10ffff}',
    '\ufeff',
    '\ufffe\uffff',
    '</script>',
  ])('%j arrives as it is', (text) => {
    expect(traitOf(text)).toBe(text);
    expect(callOf({ userId: text })['userId']).toBe(text);
  });

  test.each(['\ud800', '\udc00', 'a\ud83d', '\ude42\ud83d', '🙂\ud83d'])(
    '%j, half a character, arrives as it is',
    (text) => {
      expect(traitOf(text)).toBe(text);
      expect(callOf({ userId: text })['userId']).toBe(text);
    },
  );
});

test('a boolean is a boolean', () => {
  expect(traitOf(['boolean', true])).toBe(true);
  expect(traitOf(['boolean', false])).toBe(false);
});

test.each([
  [[], ''],
  [[0], 'AA=='],
  [[255, 254, 253], '//79'],
])('the bytes %j are base64', (bytes, base64) => {
  expect(traitOf(['binary', Uint8Array.from(bytes)])).toBe(base64);
});
