import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cell, Column, ColumnKind, Row } from '../../connectors/source.ts';
import { createEncodedMapper } from '../../mapping/encodedMapper.ts';
import { createMapper } from '../../mapping/createMapper.ts';
import { CALL_TYPES } from '../../mapping/mapper.ts';
import { digestPrefix } from '../../mapping/messageId.ts';
import { digestCalls } from '../../storage/digestCalls.ts';
import { stagedCalls } from '../../storage/stagedCalls.ts';
import { chunkOf } from '../storage/chunk.ts';
import { columns, options, STRICT } from './given.ts';
import type { Given } from './given.ts';
import { encodedPage } from './encodedPage.ts';

/* Rows that come as bytes become the very same calls as those that come as values. */

interface Made {
  readonly json: string;
  readonly sharedBytes: number;
}

/** The staged call of a row that comes as bytes; null where the other mapper has to make it. */
function staged(result: readonly Column[], row: Row, given: Given): Made | null {
  const isText = result.map(({ kind }) => kind !== 'binary');
  const page = encodedPage([row]);
  page.next();
  const call = createEncodedMapper(result, options(given), isText)?.(page) ?? null;
  if (call === null) return null;
  const chunk = chunkOf([call]);
  digestCalls(chunk, 1, digestPrefix(options(given)));
  const { json, shared } = stagedCalls(chunk, { rows: 1 }).at(0);
  return { json: String(json), sharedBytes: shared.length };
}

/** The call of the same row as values. */
function mapped(result: readonly Column[], row: Row, given: Given): Made | null {
  const call = createMapper(result, options(given)).map(row);
  return call.ok ? { json: call.json, sharedBytes: call.sharedBytes } : null;
}

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constant('"\\\n\t\u0001\u007fé漢😀'),
  )
  .map((value) => value.toWellFormed());
const digits = fc.string({ unit: fc.constantFrom('0', '1', '5', '9'), maxLength: 20 });
const decimal = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.constantFrom('', '.', 'e', '.5e-'), digits)
  .map((parts) => parts.join(''));
const time = fc
  .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
  .map((date) => date.toISOString());

const CELLS: Readonly<Record<ColumnKind, fc.Arbitrary<Cell>>> = {
  text,
  text_or_json: fc.oneof(text, fc.json()),
  number: fc.oneof(decimal, fc.double().map(String), fc.constantFrom('NaN', '-0', '0.000', '100', '1.50')),
  boolean: fc.boolean(),
  instant: fc.oneof(time, fc.constantFrom('infinity', '0044-03-15 00:00:00+00 BC')),
  datetime: time.map((iso) => iso.slice(0, -1)),
  date: time.map((iso) => iso.slice(0, 10)),
  json: fc.jsonValue().map((value) => JSON.stringify(value, null, '\n')),
  binary: fc.uint8Array({ maxLength: 20 }),
};

const name = fc.constantFrom(
  ...['userId', 'ANONYMOUSID', 'groupId', 'event', 'timestamp', 'email', 'name', 'plan', 'x "y"', 'é'],
  ...['a.b', 'a.c.d', 'context.ip', 'context.page.title', 'integrations.All'],
);

/** A column with one cell. */
const column = fc
  .tuple(name, fc.constantFrom(...(Object.keys(CELLS) as ColumnKind[])))
  .chain(([named, kind]) => fc.option(CELLS[kind], { freq: 6 }).map((cell) => ({ name: named, kind, cell })));
const result = fc
  .uniqueArray(column, { selector: (each) => each.name, maxLength: 10 })
  .map((others) => [
    ...(others.some((each) => each.name === 'userId')
      ? []
      : [{ name: 'userId', kind: 'text' as const, cell: 'u1' }]),
    ...others,
  ]);
const given: fc.Arbitrary<Given> = fc.record({
  type: fc.constantFrom(...CALL_TYPES),
  nulls: fc.constantFrom('send', 'omit'),
  timeZone: fc.constantFrom('UTC', 'Asia/Tokyo'),
  duties: fc.constantFrom(options().duties, STRICT),
  limits: fc.constantFrom({}, { valueBytesMax: 3_000 }, { recordBytesMax: 3_000 }),
});

function isRefused(asked: readonly Column[], how: Given): boolean {
  try {
    createMapper(asked, options(how));
    return false;
  } catch {
    return true;
  }
}

describe('a row that comes as bytes', () => {
  test('becomes the call that it becomes as values, or is left to those', () => {
    let written = 0;
    fc.assert(
      fc.property(result, given, (cells, how) => {
        const row = cells.map(({ cell }) => cell);
        fc.pre(!isRefused(cells, how));
        const call = staged(cells, row, how);
        if (call === null) return;
        written += 1;
        expect(mapped(cells, row, how)).toEqual(call);
      }),
      { numRuns: 2_000 },
    );
    expect(written).toBeGreaterThan(300);
  });

  test('needs no values where nothing about it is unusual', () => {
    const asked = columns('userId', 'email', ['age', 'number'], ['active', 'boolean'], 'context.ip', 'a.b');
    const row = ['u1', 'é"😀@example.com', '12.500', true, '10.0.0.1', null];
    for (const type of ['identify', 'page', 'screen', 'group'] as const) {
      const needed = type === 'group' ? columns('groupId') : [];
      const cells = type === 'group' ? ['g1'] : [];
      expect(staged([...asked, ...needed], [...row, ...cells], { type })).not.toBeNull();
    }
  });

  test('is left to the values where it holds what is no UTF-8', () => {
    const asked = columns('userId', 'name');
    expect(staged(asked, ['u1', Buffer.from([0x61, 0xff])], {})).toBeNull();
    expect(staged(asked, ['u1', Buffer.from([0x61, 0xc3, 0xa9])], {})?.json).toContain('"name":"aé"');
  });

  test('is left to the values where it may exceed a limit', () => {
    const asked = columns('userId', 'name');
    expect(staged(asked, ['u1', 'x'.repeat(130_000)], {})).toBeNull();
    const name = 'n'.repeat(20_000);
    expect(staged(asked, ['u1', name], {})?.json).toContain(`"name":"${name}"`);
  });

  test('takes any room that its escapes and long names need', () => {
    const names = Array.from({ length: 100 }, (_none, index) => `n${index}${'.n'.repeat(50)}`);
    const row = names.map(() => '\u0001'.repeat(20));
    const wide = columns('userId', ...names);
    const call = staged(wide, ['u1', ...row], {});
    expect(call?.json === mapped(wide, ['u1', ...row], {})?.json).toBe(true);
    expect(call?.json).toContain('"n99":');
  });
});
