import { describe, expect, test } from 'vitest';
import { callOf, lineOf, traitOf, traitTextOf } from './given.ts';

/* What JSON is in the call, and text that may be JSON. */

describe('JSON', () => {
  test.each([
    '{}',
    '[]',
    '{"a":{"b":[1,null,true,"x"]}}',
    '"text"',
    '12',
    'null',
    'true',
    '{"a":1,"a":2}',
    ' {"a" : 1} ',
  ])('like %s nests as it is written', (json) => {
    expect(traitTextOf(['json', json])).toBe(json);
  });

  test('keeps big integers and long decimals as they are written', () => {
    const json =
      '{"id":9007199254740993,"n":-123456789012345678901234567890,"d":0.10000000000000000001,"e":1E400}';
    expect(traitTextOf(['json', json])).toBe(json);
    expect(traitTextOf(['text_or_json', json])).toBe(json);
    expect(lineOf({ userId: 'u1', context: ['json', json] })).toContain(`{"context":${json},`);
  });

  test('on several lines stands on one', () => {
    const line = lineOf({
      userId: 'u1',
      context: ['json', '{\r\n "a":\n 1\n}'],
      x: ['json', '[\n1,\n"a\\nb"\n]'],
      y: ['text_or_json', '{\n}'],
    });
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({ context: { a: 1 }, traits: { x: [1, 'a\nb'], y: {} } });
  });

  test('under dots nests below its parents', () => {
    expect(callOf({ userId: 'u1', 'a.b': ['json', '{"c":1}'] })['traits']).toEqual({ a: { b: { c: 1 } } });
  });
});

describe('text of a source without JSON', () => {
  test.each(['{"a":1}', '[1,2]', '{}', '[]', ' \n[1] ', '{"a":"\ud83d"}'])('like %j nests', (text) => {
    expect(traitOf(['text_or_json', text])).toEqual(JSON.parse(Buffer.from(text).toString()));
  });

  test.each([
    '1',
    'true',
    'null',
    '"a"',
    '',
    ' ',
    '{',
    '[1,]',
    '{a:1}',
    "{'a':1}",
    '[draft] title',
    '{{x}}',
    '\u00a0{}',
    '{}{}',
  ])('like %j stays text', (text) => {
    expect(traitOf(['text_or_json', text])).toBe(text);
  });

  test('of thousands of levels is read or stays text', () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    expect(traitTextOf(['text_or_json', deep])).toBe(deep);
    expect(traitOf(['text_or_json', '['.repeat(30_000)])).toBe('['.repeat(30_000));
  });
});
