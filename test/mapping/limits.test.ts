import { describe, expect, test } from 'vitest';
import { createMapper } from '../../mapping/createMapper.ts';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import { callOf, columns, CONTAINER, mapped, NEEDED, options, problemOf, refusalOf } from './given.ts';
import type { GivenCell } from './given.ts';

/* Every limit of a result, just below and just above. */

const VALUE_MAX = 131_072;
const RECORD_MAX = 524_288;

/** So many columns, those that the type needs among them. */
const manyColumns = (count: number, type: (typeof CALL_TYPES)[number]) => {
  const names = Object.keys(NEEDED[type]);
  return columns(...names, ...Array.from({ length: count - names.length }, (_none, index) => `c${index}`));
};

describe.each(CALL_TYPES)('the limits of %s', (type) => {
  const container = CONTAINER[type];

  test('300 columns pass without a word', () => {
    expect(createMapper(manyColumns(300, type), options({ type })).warnings).toEqual([]);
  });

  test('301 to 512 columns pass with a warning that names both limits', () => {
    for (const count of [301, 512]) {
      expect(createMapper(manyColumns(count, type), options({ type })).warnings).toEqual([
        `The query returns ${count} columns, more than the 300 that are recommended; more than 512 are refused.`,
      ]);
    }
  });

  test('513 columns are refused', () => {
    const error = refusalOf(manyColumns(513, type), { type });
    expect(error.code).toBe('limit_exceeded');
    expect(error.message).toBe(
      'The query returns 513 columns, more than the limit of 512 (`limits.columnsMax`); select fewer.',
    );
  });

  test('a column name of 128 characters passes', () => {
    const name = 'n'.repeat(128);
    expect(callOf({ ...NEEDED[type], [name]: 'v' }, { type })[container]).toEqual({ [name]: 'v' });
  });

  test('a column name of 129 characters is refused with the name, its length and the fix', () => {
    const name = `cart.${'n'.repeat(124)}`;
    const error = refusalOf(columns(...Object.keys(NEEDED[type]), name), { type });
    expect(error.code).toBe('limit_exceeded');
    expect(error.message).toBe(
      `The column name "${name}" is 129 characters long, more than the limit of 128 (\`limits.columnNameCharsMax\`); shorten it with \`AS\`.`,
    );
  });

  test('a value of 128 KiB as JSON passes, and one byte more is refused', () => {
    const fits = 'x'.repeat(VALUE_MAX - 2);
    expect(callOf({ ...NEEDED[type], bio: fits }, { type })[container]).toEqual({ bio: fits });
    const problem = problemOf({ ...NEEDED[type], bio: `${fits}x` }, { type });
    expect(problem.code).toBe('value_too_large');
    expect(problem.message).toBe(
      'The column "bio" holds 131073 bytes as JSON, more than the limit of 131072 (`limits.valueBytesMax`); shorten it in the query.',
    );
  });

  test('a record of 512 KiB as JSON passes, and one byte more is refused', () => {
    const exactly = recordOf(NEEDED[type], RECORD_MAX);
    expect(Buffer.byteLength(JSON.stringify(exactly))).toBe(RECORD_MAX);
    expect(mapped(exactly, { type }).ok).toBe(true);
    const problem = problemOf(recordOf(NEEDED[type], RECORD_MAX + 1), { type });
    expect(problem.code).toBe('record_too_large');
    expect(problem.message).toBe(
      'The row holds 524289 bytes as JSON, more than the limit of 524288 (`limits.recordBytesMax`); select less.',
    );
  });
});

/** A row of so many bytes as JSON, each value within its own limit. */
function recordOf(needed: Readonly<Record<string, string>>, bytes: number): Record<string, string> {
  const row: Record<string, string> = { ...needed };
  for (const name of ['a', 'b', 'c', 'd']) row[name] = 'x'.repeat(120_000);
  row['e'] = '';
  return { ...row, e: 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify(row))) };
}

describe('the names of the key columns', () => {
  test('have a limit of their own, in any letter case', () => {
    const limits = { keyColumnNameCharsMax: 6, columnNameCharsMax: 9 };
    expect(createMapper(columns('USERID', 'user_name'), options({ limits })).columns).toHaveLength(2);
    for (const [name, chars, max] of [
      ['userId', 6, 5],
      ['TIMESTAMP', 9, 8],
    ] as const) {
      const others = name === 'userId' ? [] : ['email'];
      const error = refusalOf(columns(...others, name), { limits: { keyColumnNameCharsMax: max } });
      expect(error.code).toBe('limit_exceeded');
      expect(error.message).toBe(
        `The column name "${name}" is ${chars} characters long, more than the limit of ${max} (\`limits.keyColumnNameCharsMax\`); shorten it with \`AS\`.`,
      );
    }
  });
});

describe('a column name is counted in characters', () => {
  test.each([
    ['emoji', '🙂'],
    ['accents', 'é'],
  ])('%s are one each', (_name, character) => {
    expect(createMapper(columns('userId', character.repeat(128)), options()).placements).toHaveLength(2);
    expect(refusalOf(columns('userId', character.repeat(129))).message).toContain('129 characters');
  });
});

describe('a value is counted in bytes of its JSON', () => {
  const limits = { valueBytesMax: 100 };
  const cases: readonly (readonly [string, GivenCell, GivenCell])[] = [
    ['text', 'x'.repeat(98), 'x'.repeat(99)],
    ['two bytes a character', 'é'.repeat(49), `${'é'.repeat(49)}x`],
    ['three bytes a character', `${'€'.repeat(32)}zz`, `${'€'.repeat(32)}zzz`],
    ['four bytes a character', `${'🙂'.repeat(24)}zz`, `${'🙂'.repeat(24)}zzz`],
    ['quotes', '"'.repeat(49), '"'.repeat(50)],
    ['control characters', `${'\u0001'.repeat(16)}xx`, '\u0001'.repeat(17)],
    ['a JSON object', ['json', `{"a":"${'x'.repeat(92)}"}`], ['json', `{"a":"${'x'.repeat(93)}"}`]],
    ['a JSON list with quotes', ['json', `[${'"",'.repeat(32)}12]`], ['json', `[${'"",'.repeat(32)}123]`]],
    ['a JSON text', ['json', `"${'x'.repeat(98)}"`], ['json', `"${'x'.repeat(99)}"`]],
    ['JSON on several lines', ['json', `[\n${'1'.repeat(97)}]`], ['json', `[\n${'1'.repeat(98)}]`]],
    ['text that nests', ['text_or_json', `["${'x'.repeat(96)}"]`], ['text_or_json', `["${'x'.repeat(97)}"]`]],
    ['a long number, which is text', ['number', '1'.repeat(98)], ['number', '1'.repeat(99)]],
    ['binary', ['binary', new Uint8Array(72)], ['binary', new Uint8Array(73)]],
  ];

  test.each(cases)('%s', (_name, fits, exceeds) => {
    expect(mapped({ userId: 'u1', v: fits }, { limits }).ok).toBe(true);
    expect(problemOf({ userId: 'u1', v: exceeds }, { limits })).toMatchObject({
      code: 'value_too_large',
      message: expect.stringContaining('The column "v" holds 10') as unknown,
    });
  });

  test.each(['userId', 'anonymousId', 'messageId'])('in the reserved column %s too', (name) => {
    const row = (value: string) => ({ ...(name === 'userId' ? {} : { userId: 'u1' }), [name]: value });
    expect(mapped(row('x'.repeat(98)), { limits }).ok).toBe(true);
    for (const long of ['x'.repeat(99), '\u0001'.repeat(17), '€'.repeat(33)]) {
      expect(problemOf(row(long), { limits })).toMatchObject({ code: 'value_too_large' });
    }
  });

  test('in context, whole and by its parts', () => {
    const object = (length: number): GivenCell => ['json', `{"a":"${'x'.repeat(length)}"}`];
    expect(mapped({ userId: 'u1', context: object(92) }, { limits }).ok).toBe(true);
    expect(problemOf({ userId: 'u1', context: object(93) }, { limits }).code).toBe('value_too_large');
    expect(mapped({ userId: 'u1', 'context.ip': 'x'.repeat(98) }, { limits }).ok).toBe(true);
    expect(problemOf({ userId: 'u1', 'context.ip': 'x'.repeat(99) }, { limits }).message).toContain(
      '"context.ip"',
    );
  });

  test('JSON with many quotes that fits the limit of the product is not counted as text', () => {
    const list = `[${'"a",'.repeat(32_767)}12]`;
    expect(Buffer.byteLength(list)).toBe(VALUE_MAX);
    expect(mapped({ userId: 'u1', list: ['json', list] }).ok).toBe(true);
  });
});

describe('a record is counted as the row, not as the call', () => {
  test('with its NULLs, even where they are not sent', () => {
    const names = Array.from({ length: 50 }, (_none, index) => `a_long_name_of_a_column_${index}`);
    const row = { userId: 'u1', ...Object.fromEntries(names.map((name) => [name, null])) };
    const bytes = Buffer.byteLength(JSON.stringify(row));
    for (const nulls of ['send', 'omit'] as const) {
      expect(mapped(row, { nulls, limits: { recordBytesMax: bytes } }).ok).toBe(true);
      expect(problemOf(row, { nulls, limits: { recordBytesMax: bytes - 1 } })).toMatchObject({
        code: 'record_too_large',
        message: expect.stringContaining(`The row holds ${bytes} bytes`) as unknown,
      });
    }
  });

  test('with the bytes of its characters', () => {
    const row = { userId: 'u1', note: '€'.repeat(1_000) };
    const bytes = Buffer.byteLength(JSON.stringify(row));
    expect(mapped(row, { limits: { recordBytesMax: bytes } }).ok).toBe(true);
    expect(problemOf(row, { limits: { recordBytesMax: bytes - 1 } }).code).toBe('record_too_large');
  });

  test('with the columns under their own names', () => {
    const row = Object.fromEntries(
      ['userId', 'a.long.way.down.x', 'a.long.way.down.y'].map((name) => [name, 'v']),
    );
    const bytes = Buffer.byteLength(JSON.stringify(row));
    expect(mapped(row, { limits: { recordBytesMax: bytes } }).ok).toBe(true);
    expect(problemOf(row, { limits: { recordBytesMax: bytes - 1 } }).code).toBe('record_too_large');
  });
});
