import { describe, expect, test } from 'vitest';
import { meaningOf, retryAfterMs } from '../../delivery/answer.ts';

/* What an answer means for a batch of five calls. */

const NOW_MS = Date.parse('2026-02-03T04:05:06Z');
const meaning = (status: number, body: unknown = '') =>
  meaningOf(
    { status, retryAfter: null, body: typeof body === 'string' ? body : JSON.stringify(body) },
    { calls: 5, nowMs: NOW_MS },
  );
const failedOf = (body: unknown) => {
  const read = meaning(200, body);
  return read.kind === 'partial' ? read.failed?.map(({ index }) => index) : read.kind;
};

describe('a success', () => {
  test.each([
    ['an empty body', ''],
    ['a word', 'OK'],
    ['what is not JSON', '\u0000\u0001 garbage \ufffd'],
    ['an empty object', {}],
    ['an empty list', []],
    ['success', { success: true }],
    ['no errors', { ok: true, errors: [], error: null, okEvents: 5, receivedEvents: 5 }],
    ['empty errors', { errors: {}, error: '' }],
  ])('with %s is believed', (_name, body) => {
    expect(meaning(200, body)).toEqual({ kind: 'accepted' });
    expect(meaning(202, body)).toEqual({ kind: 'accepted' });
  });

  test.each([
    ['index', { errors: [{ index: 4, message: 'm' }] }],
    ['batch_index', { success: false, errors: [{ batch_index: 4, reason: 'r' }] }],
    ['index and a count', { okEvents: 4, receivedEvents: 5, errors: [{ index: 4, error: 'e' }] }],
  ])('that lists what failed by %s has the others accepted', (_name, body) => {
    expect(failedOf(body)).toEqual([4]);
  });

  test.each([
    ['says no', { success: false }],
    ['says not ok', { ok: false, errors: [] }],
    ['has an error', { error: 'quota exceeded' }],
    ['has an error as an object', { error: { code: 7 } }],
    ['has errors by other keys', { errors: { m17: 'bad' } }],
    ['has errors in words', { errors: ['message m17: bad'] }],
    ['names an index that was not sent', { errors: [{ index: 5, message: 'bad' }] }],
    ['names one of two errors only', { errors: [{ index: 1 }, { message: 'bad' }] }],
    ['counts fewer', { okEvents: 3, receivedEvents: 5 }],
    ['received fewer than were sent', { okEvents: 3, receivedEvents: 3 }],
    ['counts more failures than it lists', { okEvents: 2, errors: [{ index: 0 }, { index: 0 }] }],
    ['was cut off', '{"errors":[{"index":0,"mess'],
  ])('that %s does not say which calls failed', (_name, body) => {
    expect(meaning(200, body)).toMatchObject({ kind: 'partial', failed: null });
  });

  test('that is a web page is none', () => {
    expect(meaning(200, '\n<!doctype html><title>Sign in</title>')).toMatchObject({ kind: 'refused' });
    expect(meaning(200, '<HTML lang="en">')).toMatchObject({ kind: 'refused' });
  });
});

describe('another answer', () => {
  test.each([
    [408, 'later'],
    [425, 'refused'],
    [429, 'later'],
    [500, 'later'],
    [503, 'later'],
    [599, 'later'],
    [400, 'rejected'],
    [413, 'rejected'],
    [301, 'refused'],
    [401, 'refused'],
    [402, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
  ])('of %i means %s', (status, kind) => {
    expect(meaning(status)).toMatchObject({ kind });
  });

  test('keeps the words of the destination on one line and at a bearable length', () => {
    const { words } = meaning(400, `not\n  this ${'z'.repeat(9_000)}`) as { words: string };
    expect(words).toMatch(/^HTTP 400: not this zzz/);
    expect(words.length).toBeLessThan(520);
    expect(meaning(400)).toMatchObject({ words: 'HTTP 400' });
  });
});

describe('Retry-After', () => {
  test.each([
    ['0', 0],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['1.5', 1_500],
    ['Tue, 03 Feb 2026 04:05:36 GMT', 30_000],
    ['Tue, 03 Feb 2026 04:00:00 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ])('of %j is %j milliseconds', (header, expected) => {
    expect(retryAfterMs(header, NOW_MS)).toBe(expected);
  });

  test.each(['99999999999999999999999', 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'of %j is a day at most',
    (header) => {
      expect(retryAfterMs(header, NOW_MS)).toBe(24 * 3_600_000);
    },
  );
});
