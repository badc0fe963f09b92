import { describe, expect, test } from 'vitest';
import { callOf, problemOf } from './given.ts';

/* What the columns at the top of a call may hold. */

describe('context and integrations', () => {
  test.each(['context', 'integrations'])('%s takes a JSON object, of any kind of column', (name) => {
    for (const kind of ['json', 'text', 'text_or_json'] as const)
      expect(callOf({ userId: 'u1', [name]: [kind, ' {"All":true}'] })[name]).toEqual({ All: true });
  });

  test.each(['context', 'integrations'])('%s is left out where it is empty or JSON null', (name) => {
    for (const cell of [null, '', ['json', 'null'], ['text', ' null ']] as const)
      expect(callOf({ userId: 'u1', [name]: cell })).not.toHaveProperty(name);
  });

  test.each([
    ['json', '[1]'],
    ['json', '"a"'],
    ['json', '12'],
    ['text', '{"a":'],
    ['text', 'ios'],
    ['number', '12'],
    ['boolean', true],
    ['binary', Uint8Array.of(1)],
  ] as const)('a context of %s %s is refused', (kind, cell) => {
    const problem = problemOf({ userId: 'u1', Context: [kind, cell] });
    expect(problem.code).toBe('invalid_value');
    expect(problem.message).toContain('The column "Context" must hold a JSON object');
    expect(problem.message).toContain('"context.ip"');
  });

  test('a problem with a context names the value', () => {
    expect(problemOf({ userId: 'u1', context: 'ios' }).message).toContain('"ios"');
  });
});

describe('a reserved column of one value', () => {
  test.each([
    ['boolean', true],
    ['json', '"u1"'],
    ['binary', Uint8Array.of(1, 2)],
  ] as const)('that holds %s is refused with the column and the fix', (kind, cell) => {
    const problem = problemOf({ USERID: [kind, cell] });
    expect(problem.code).toBe('invalid_value');
    expect(problem.message).toBe(
      `The column "USERID" holds a ${kind} value, but userId must be text; cast it to text in the query.`,
    );
  });

  test('is text, whatever its digits', () => {
    for (const id of ['1', '9223372036854775807', '1.50', '-0'])
      expect(callOf({ userId: ['number', id] })['userId']).toBe(id);
  });
});
