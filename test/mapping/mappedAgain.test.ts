import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, Row } from '../../connectors/source.ts';
import { createMapper } from '../../mapping/createMapper.ts';
import { parseExactly } from '../../mapping/exactJson.ts';
import { keptCall } from '../../mapping/keptCall.ts';
import { rowJson } from '../../mapping/rowData.ts';
import { rowFromData } from '../../mapping/rowFromData.ts';
import { done, options } from './given.ts';

/* Rows and calls that come back out of storage, to be sent again. */

const COLUMNS: readonly Column[] = [
  { name: 'userId', kind: 'number' },
  { name: 'cart.item', kind: 'text' },
  { name: 'visits', kind: 'number' },
  { name: 'updated', kind: 'datetime' },
  { name: 'born', kind: 'date' },
  { name: 'seen', kind: 'instant' },
  { name: 'tags', kind: 'json' },
  { name: 'notes', kind: 'text_or_json' },
  { name: 'isNew', kind: 'boolean' },
  { name: 'picture', kind: 'binary' },
  { name: 'context.ip', kind: 'text' },
  { name: 'integrations', kind: 'json' },
  { name: '__proto__', kind: 'text' },
];

const OPTIONS = options({ timeZone: 'Europe/Berlin' });

const text = fc.option(fc.string({ unit: 'binary' }));
const number: fc.Arbitrary<string> = fc.oneof(
  fc.maxSafeInteger().map(String),
  fc.double({ noNaN: false }).map(String),
  fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,6})?$/),
);
const json: fc.Arbitrary<string> = fc.oneof(
  fc.json(),
  fc.constantFrom('{"a": 12345678901234567890, "b": [1.50, 1e400]}', '"text"', '17'),
);
const row: fc.Arbitrary<Row> = fc.tuple(
  number,
  text,
  fc.option<string>(number),
  fc.constantFrom(null, '2026-01-31T08:15:00.123456', '2026-07-31T08:15:00', 'infinity'),
  fc.constantFrom(null, '2026-01-31'),
  fc.constantFrom(null, '2026-01-31T08:15:00.123456Z', '-infinity'),
  fc.option<string>(json),
  fc.option<string>(fc.oneof(json, fc.string())),
  fc.option<boolean>(fc.boolean()),
  fc.option<Uint8Array>(fc.uint8Array()),
  text,
  fc.constantFrom(null, '{"All": false, "x": 1.0}'),
  text,
);

/** A call without its id, with its numbers as they stand in it. */
function contentOf(callJson: string): string {
  return JSON.stringify({ ...(parseExactly(callJson) as object), messageId: '' });
}

test('a row that is mapped again from its stored data becomes the same call, to the last digit', () => {
  fc.assert(
    fc.property(row, (cells) => {
      const call = done(createMapper(COLUMNS, OPTIONS).map(cells));
      const data = parseExactly(rowJson(COLUMNS, cells, OPTIONS.timeZone)) as Record<string, unknown>;
      const again = done(createMapper(COLUMNS, OPTIONS).map(rowFromData(COLUMNS, data, OPTIONS.timeZone)));
      expect(contentOf(again.json)).toBe(contentOf(call.json));
      expect(again.person).toBe(call.person);
    }),
  );
});

test('a row that is mapped again has the messageId that `messageIdFrom` gives it in every window', () => {
  const columns = COLUMNS.map((column) =>
    column.name === 'seen' ? { ...column, name: 'timestamp' } : column,
  );
  const messageIdFrom = ['userId', 'updated', 'born', 'picture', 'cart.item', 'isNew'];
  const mapper = createMapper(columns, { ...OPTIONS, messageIdFrom });
  const timestamped = row.map((cells) =>
    cells.map((cell, index) => (index === 5 ? '2026-01-31T08:15:00Z' : cell)),
  );
  fc.assert(
    fc.property(timestamped, (cells) => {
      const data = parseExactly(rowJson(columns, cells, OPTIONS.timeZone)) as Record<string, unknown>;
      const again = done(mapper.map(rowFromData(columns, data, OPTIONS.timeZone)));
      expect(again.messageId).toBe(done(mapper.map(cells)).messageId);
    }),
  );
});

test('a call that is sent again is the same call, under the same id and of the same person', () => {
  fc.assert(
    fc.property(row, (cells) => {
      const call = done(createMapper(COLUMNS, OPTIONS).map(cells));
      const kept = keptCall(parseExactly(call.json) as Record<string, unknown>);
      expect(parseExactly(kept.json)).toEqual(parseExactly(call.json));
      expect(kept).toMatchObject({ messageId: call.messageId, person: call.person, repeatable: false });
      const shared = (json: string, bytes: number) =>
        Buffer.from(json)
          .subarray(1, 1 + bytes)
          .toString();
      expect(parseExactly(`{${shared(kept.json, kept.sharedBytes)}"_":0}`)).toEqual(
        parseExactly(`{${shared(call.json, call.sharedBytes)}"_":0}`),
      );
    }),
  );
});
