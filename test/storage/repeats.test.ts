import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MappedCall } from '../../mapping/mapper.ts';
import { repeatMessageId } from '../../mapping/messageId.ts';
import { Staging } from '../../storage/staging.ts';
import type { StagingOptions } from '../../storage/staging.ts';
import { Digester } from '../../storage/digester.ts';
import { Memory } from '../../storage/memory.ts';
import { callOf, callsOf, stage } from './calls.ts';
import { until } from '../until.ts';
import { testStorage } from './folder.ts';

/* Rows that are repeated within a result get ids of their own. */

/** A call whose id is its digest, as mapping makes it: the same content has the same id. */
function digested(content: number): MappedCall {
  const id = `01JREPEATS${content.toString(32).toUpperCase().padStart(16, '0')}`;
  const traits = { content, note: '🎈'.repeat(content % 7) };
  // The shared part holds what looks like an id, and characters of several bytes.
  const context = content % 3 === 0 ? { note: `"messageId":"${'é'.repeat(content % 5)}"` } : undefined;
  return callOf(`person ${content % 13}`, { messageId: id, traits, context });
}

type Sizes = Partial<StagingOptions> & { readonly pageRows?: number };

interface Sent {
  readonly row: number;
  readonly messageId: string;
  readonly content: number;
}

/** The calls as they would be delivered, in the order of their rows, once everything is checked but their ids. */
async function staged(contents: readonly number[], { pageRows = 50, ...sizes }: Sizes = {}): Promise<Sent[]> {
  await using at = await testStorage();
  const calls = contents.map(digested);
  const { lanes, rows } = await stage(calls, { storage: at.storage, chunkBytes: 2_000, ...sizes }, pageRows);
  expect(rows).toBe(calls.length);
  expect(at.temporaryFiles()).toEqual([]);
  expect(await at.storage.list('runs')).toEqual(
    lanes
      .flat()
      .map(({ key }) => key)
      .sort(),
  );
  const found = (await callsOf(at.storage, { lanes })).flat();
  return found
    .toSorted((left, right) => left.row - right.row)
    .map(({ row, json }) => {
      const sent = JSON.parse(json) as { messageId: string; traits: { content: number } };
      const original = calls[row - 1]!;
      // Nothing else of the line has changed.
      expect(json.replace(`"messageId":"${sent.messageId}"`, `"messageId":"${original.messageId}"`)).toBe(
        original.json,
      );
      return { row, messageId: sent.messageId, content: sent.traits.content };
    });
}

/** The ids of each content, in order of text. */
function idsByContent(sent: readonly Sent[]): Map<number, string[]> {
  const ids = Map.groupBy(sent, ({ content }) => content);
  return new Map(
    [...ids].map(([content, calls]) => [content, calls.map(({ messageId }) => messageId).sort()]),
  );
}

const contents = fc.array(fc.nat(40), { maxLength: 200 });
const sizes = fc.record({
  lanes: fc.integer({ min: 1, max: 5 }),
  chunkBytes: fc.integer({ min: 1, max: 4_000 }),
  pageRows: fc.integer({ min: 1, max: 60 }),
  bucketBytes: fc.constantFrom(1, 100, 64 * 1_024),
});

describe('repeated rows', () => {
  test('of two, the first keeps its id and the second gets another of the same time', async () => {
    const [first, other, second] = await staged([5, 6, 5]);
    expect(first?.messageId).toBe(digested(5).messageId);
    expect(other?.messageId).toBe(digested(6).messageId);
    expect(second?.messageId).toBe(repeatMessageId(digested(5).messageId, 1));
    expect(second?.messageId).toMatch(/^01JREPEATS[0-9A-HJKMNP-TV-Z]{16}$/);
  });

  test('are numbered in the query’s order, each with an id that no other row has', async () => {
    await fc.assert(
      fc.asyncProperty(contents, sizes, async (rows, shape) => {
        const sent = await staged(rows, shape);
        const before = new Map<number, number>();
        const expected = rows.map((content) => {
          const repetition = before.get(content) ?? 0;
          before.set(content, repetition + 1);
          const { messageId } = digested(content);
          return repetition === 0 ? messageId : repeatMessageId(messageId, repetition);
        });
        expect(sent.map(({ messageId }) => messageId)).toEqual(expected);
        expect(new Set(expected).size).toBe(rows.length);
      }),
      { numRuns: 60 },
    );
  });

  test('get the same ids in another attempt, whatever the order and the pages in which rows come', async () => {
    const shuffled = contents.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, sizes, sizes, async ([rows, again], one, other) => {
        expect(idsByContent(await staged(again, other))).toEqual(idsByContent(await staged(rows, one)));
      }),
      { numRuns: 40 },
    );
  });

  test(
    'by the ten thousand are told apart with buckets of a hundred bytes in memory',
    { timeout: 120_000 },
    async () => {
      const rows = Array.from({ length: 30_000 }, (_row, index) => (index % 3 === 0 ? 7 : index % 2_500));
      const shape = { chunkBytes: 200_000, pageRows: 1_000 };
      const sent = await staged(rows, { ...shape, bucketBytes: 100 });
      expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(rows.length);
      expect(await staged(rows, shape)).toEqual(sent);
    },
  );

  test('that have ids of their own keep them', async () => {
    await using at = await testStorage();
    const call = callOf('ann', { messageId: 'chosen by the query', repeatable: false });
    const found = (await callsOf(at.storage, await stage([call, call], at))).flat();
    expect(found.map(({ json }) => json)).toEqual([call.json, call.json]);
  });
});

describe('the search for repeated rows', () => {
  const spilling = {
    folder: 'runs/people/run',
    lanes: 2,
    chunkBytes: 100_000,
    bucketBytes: 1,
    memory: new Memory(),
    digester: new Digester(),
    digestPrefix: '[]',
  };

  test('goes to temporary files once memory is full, which are gone at the end', async () => {
    await using at = await testStorage();
    const staging = new Staging({ storage: at.storage, ...spilling });
    for (let row = 1; row <= 4_000; row += 1) staging.add(row, digested(row % 10));
    expect(at.temporaryFiles()).toEqual([]);
    // Ids are noted once their chunk is written.
    const isThere = async () => {
      await staging.flush();
      return at.temporaryFiles().some((name) => name.startsWith('scratch-'));
    };
    await until(isThere);
    await staging.finish();
    expect(at.temporaryFiles()).toEqual([]);
  });

  test('that is given up leaves no temporary files', async () => {
    await using at = await testStorage();
    const staging = new Staging({ storage: at.storage, ...spilling });
    for (let row = 1; row <= 100; row += 1) staging.add(row, digested(row % 10));
    await staging.flush();
    await staging.abandon();
    await staging.abandon();
    expect(at.temporaryFiles()).toEqual([]);
  });

  test('needs no temporary file for a small result', async () => {
    await using at = await testStorage();
    const staging = new Staging({ storage: at.storage, ...spilling, bucketBytes: 64 * 1_024 });
    for (let row = 1; row <= 1_000; row += 1) staging.add(row, digested(row % 10));
    await staging.flush();
    expect(at.temporaryFiles()).toEqual([]);
    await staging.finish();
  });
});
