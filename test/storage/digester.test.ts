import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { digest80, repeatMessageId, ULID_CHARS, ULID_TIME_CHARS } from '../../mapping/messageId.ts';
import type { EncodedCall } from '../../mapping/encodedMapper.ts';
import { Digester } from '../../storage/digester.ts';
import { PLACED_OFFSET, PLACED_WORDS } from '../../storage/placedIds.ts';
import { digestAt } from '../../storage/spilledRecords.ts';
import { Memory } from '../../storage/memory.ts';
import { Staging } from '../../storage/staging.ts';
import type { StagingOptions } from '../../storage/staging.ts';
import { callOf, callsIn, callsOf } from './calls.ts';
import { chunkOf } from './chunk.ts';
import { testStorage } from './folder.ts';
import type { OpenStorage } from './folder.ts';

/* The digests of calls that come in bytes, which a thread of its own makes for whole chunks. */

const TIME = '01JSTAGED0';
const PREFIX = '[1,"people"]';

interface Parts {
  readonly shared: string;
  readonly rest: string;
}

/** The call of a row as mapping writes it in bytes; some have a shared part. */
function partsOf(row: number): Parts {
  const shared = row % 3 === 0 ? `"context":{"ip":"10.0.0.${row % 200}"},` : '';
  return {
    shared,
    rest: `"type":"identify","userId":"é ${row}","traits":{"note":"${'x'.repeat(row % 90)}"}}`,
  };
}

function encoded({ shared, rest }: Parts): EncodedCall {
  const bytes = Buffer.from(`{${shared}"messageId":"${TIME.padEnd(ULID_CHARS)}",${rest}`);
  const person = Buffer.from('ann');
  return {
    bytes,
    end: bytes.length,
    sharedBytes: Buffer.byteLength(shared),
    person,
    personBegin: 0,
    personEnd: person.length,
  };
}

const jsonOf = ({ shared, rest }: Parts) =>
  `{${shared}"messageId":"${TIME}${digest80(PREFIX + shared + rest)}",${rest}`;

/** A chunk of calls whose digests are blank, in memory that a thread can see. */
function blankChunk(memory: Memory, rows: readonly number[]): Buffer {
  const calls = rows.map((row) => encoded(partsOf(row)));
  return chunkOf(calls, { memory });
}

/** Staging in a single lane, which begins its digests with the prefix. */
function stagingIn({ storage }: OpenStorage, sizes: Partial<StagingOptions> = {}): Staging {
  return new Staging({
    storage,
    folder: 'runs/people/run/attempt',
    lanes: 1,
    chunkBytes: 100_000,
    memory: new Memory(),
    digester: new Digester(),
    digestPrefix: PREFIX,
    ...sizes,
  });
}

const finished = (rows: readonly number[]) =>
  rows.map((row, index) => ({
    row: index + 1,
    json: jsonOf(partsOf(row)),
    shared: partsOf(row).shared,
  }));

const callsWithin = (chunk: Buffer, rows: number) =>
  callsIn(chunk, rows).map(({ row, json, shared }) => ({ row, json, shared }));

/** The digests that the search for repeated rows is told of, and where their ids begin. */
const placedIn = (ids: Int32Array) =>
  Array.from({ length: ids.length / PLACED_WORDS }, (_id, index) => ids.subarray(index * PLACED_WORDS)).map(
    (words) => ({ digest: digestAt(words, 0), begin: words[PLACED_OFFSET] ?? NaN }),
  );

const rowsFrom = (first: number, count: number) => Array.from({ length: count }, (_row, at) => first + at);

test.each([
  ['small chunks', 20],
  ['chunks that are worth a thread', 4_000],
])(
  '%s get the digest of each call without its messageId, and tell where the ids stand',
  async (_what, count) => {
    const [memory, digester] = [new Memory(), new Digester()];
    const chunks = [1, 10_000, 20_000].map((first) => rowsFrom(first, count));
    // All at once, as the lanes of a run do.
    const made = chunks.map(async (rows) => {
      const chunk = blankChunk(memory, rows);
      const placed = placedIn(await digester.fill(chunk, rows.length, PREFIX));
      const calls = callsWithin(chunk, rows.length);
      const ids = placed.map(({ begin }) => chunk.toString('latin1', begin, begin + ULID_CHARS));
      expect(placed.map(({ digest }) => TIME + digest)).toEqual(ids);
      return { calls, ids };
    });
    for (const [index, { calls, ids }] of (await Promise.all(made)).entries()) {
      const rows = chunks[index] ?? [];
      expect(calls).toEqual(finished(rows));
      const expected = rows.map((row) => {
        const { shared, rest } = partsOf(row);
        return TIME + digest80(PREFIX + shared + rest);
      });
      expect(ids).toEqual(expected);
    }
  },
);

test('calls that have their ids already keep them', async () => {
  const call = callOf('ann', { messageId: `${TIME}ABCDEFGHJKMNPQRS` });
  const chunk = chunkOf([call]);
  expect([...(await new Digester().fill(chunk, 1, PREFIX))]).toEqual([]);
  expect(chunk).toEqual(chunkOf([call]));
});

test('where the thread dies, what was asked of it fails, and the next chunk has another thread', async () => {
  const [memory, digester] = [new Memory(), new Digester()];
  const threads: Worker[] = [];
  const postMessage = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    threads.push(this);
    void this.terminate();
  });
  onTestFinished(() => postMessage.mockRestore());
  const rows = rowsFrom(1, 4_000);
  const asked = [1, 2].map(() => digester.fill(blankChunk(memory, rows), rows.length, PREFIX));
  for (const fails of asked) await expect(fails).rejects.toThrow('the thread that makes digests has ended');
  expect(new Set(threads).size).toBe(1);
  postMessage.mockRestore();
  const chunk = blankChunk(memory, rows);
  expect(placedIn(await digester.fill(chunk, rows.length, PREFIX))).toHaveLength(4_000);
  expect(callsWithin(chunk, rows.length)).toEqual(finished(rows));
});

test('repeated rows are found among chunks whose digests are made side by side', async () => {
  await using at = await testStorage();
  const staging = stagingIn(at, { chunkBytes: 300_000, bucketBytes: 1_000 });
  // Each row three times, thousands of rows apart.
  const rows = [...rowsFrom(1, 4_000), ...rowsFrom(1, 4_000), ...rowsFrom(1, 4_000)];
  for (const [index, row] of rows.entries()) {
    staging.addEncoded(index + 1, encoded(partsOf(row)));
    if (index % 500 === 0) await staging.flush();
  }
  const found = (await callsOf(at.storage, await staging.finish())).flat();
  expect(found.map(({ row }) => row)).toEqual(rows.map((_row, index) => index + 1));
  const ids = found.map(({ json }) => (JSON.parse(json) as { messageId: string }).messageId);
  expect(new Set(ids).size).toBe(rows.length);
  // The first of each keeps the digest of its row.
  expect(found.slice(0, 4_000).map(({ json }) => json)).toEqual(
    rows.slice(0, 4_000).map((row) => jsonOf(partsOf(row))),
  );
  expect(ids.every((id) => id.startsWith(TIME) && !id.slice(ULID_TIME_CHARS).includes(' '))).toBe(true);
});

test.each([
  ['in bytes', 'as values', [1, 2]],
  ['as values', 'in bytes', [2, 1]],
])(
  'of equal rows that come %s and %s the first keeps the digest of its row',
  async (_one, _other, [inBytes = 0, asValues = 0]) => {
    await using at = await testStorage();
    const staging = stagingIn(at);
    const { shared, rest } = partsOf(3);
    const messageId = TIME + digest80(PREFIX + shared + rest);
    const call = {
      ...callOf('ann', { messageId }),
      json: jsonOf({ shared, rest }),
      sharedBytes: shared.length,
    };
    for (const row of [1, 2]) {
      if (row === inBytes) staging.addEncoded(row, encoded({ shared, rest }));
      if (row === asValues) staging.add(row, call);
    }
    const [[first, second] = []] = await callsOf(at.storage, await staging.finish());
    expect(first).toMatchObject({ row: 1, json: call.json });
    expect(second).toMatchObject({
      row: 2,
      json: call.json.replace(messageId, repeatMessageId(messageId, 1)),
    });
  },
);
