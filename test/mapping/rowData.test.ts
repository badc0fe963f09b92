import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, Row } from '../../connectors/source.ts';
import { createMapper } from '../../mapping/createMapper.ts';
import { rowFromCall, rowJson } from '../../mapping/rowData.ts';
import { done, options, parsed } from './given.ts';

/* A row as people read it: out of the source, and back out of its call. */

const COLUMNS: readonly Column[] = [
  { name: 'USERID', kind: 'number' },
  { name: 'cart.item', kind: 'text' },
  { name: 'visits', kind: 'number' },
  { name: 'updated', kind: 'datetime' },
  { name: 'tags', kind: 'json' },
  { name: 'context.ip', kind: 'text' },
  { name: '__proto__', kind: 'text' },
];

test('a row has every column under its own name, with values as they are sent and NULL as null', () => {
  const row: Row = ['17', 'Tea', '9007199254740993', '2026-01-31T08:15:00', '["a"]', null, 'p'];
  expect(rowJson(COLUMNS, row, 'Europe/Berlin')).toBe(
    '{"USERID":17,"cart.item":"Tea","visits":"9007199254740993","updated":"2026-01-31T07:15:00Z","tags":["a"],"context.ip":null,"__proto__":"p"}',
  );
});

test.each(['send', 'omit'] as const)(
  'any row can be read back out of its call, with `nulls: %s`',
  (nulls) => {
    const text = fc.option(fc.string({ unit: 'binary' }));
    const columns: readonly Column[] = ['userId', 'cart.item', 'cart.size.unit', 'context.ip', 'x'].map(
      (name) => ({ name, kind: 'text' }),
    );
    const mapper = createMapper(columns, options({ nulls }));
    fc.assert(
      fc.property(fc.tuple(text, text, text, text), (cells) => {
        const row: Row = ['u1', ...cells];
        const read = rowFromCall(mapper.placements, parsed(done(mapper.map(row))));
        expect(read).toEqual(JSON.parse(rowJson(columns, row)));
      }),
    );
  },
);
