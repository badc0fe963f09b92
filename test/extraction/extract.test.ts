import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Extraction } from '../../extraction/extract.ts';
import type { Manifest } from '../../storage/manifest.ts';
import { readFailedRows } from '../../storage/failedRows.ts';
import { failureOf, until } from '../connectors/request.ts';
import { MAPPING, openRoom } from './room.ts';
import type { Room } from './room.ts';

/* A query of a real PostgreSQL, read into staged chunks. */

let room: Room;

beforeAll(async () => {
  room = await openRoom();
});

afterAll(() => room[Symbol.asyncDispose]());

/** Rows of 40 people, in which every tenth is one and the same row. */
const people = (rows: number, order = 'n') => `
  SELECT CASE WHEN n % 10 = 0 THEN 'same' ELSE 'user-' || n % 40 END AS "userId",
    CASE WHEN n % 10 = 0 THEN 0 ELSE n END AS number, json_build_object('note', E'two\\nlines 🎈') AS nested,
    E'{\\n"a" : 1 }'::json AS spaced, {{last_sync_time}} AS since
  FROM generate_series(1, ${rows}) AS n ORDER BY ${order}`;

interface Sent {
  readonly messageId: string;
  readonly userId: string;
  readonly traits: Record<string, unknown>;
}

const sentIn = async (extraction: Extraction) =>
  (await room.calls(extraction)).map((calls) => calls.map(({ json }) => JSON.parse(json) as Sent));

const laneRows = ({ lanes }: Manifest) =>
  lanes.map((chunks) => chunks.reduce((sum, { rows }) => sum + rows, 0));

describe('an extraction', () => {
  test('stages every row of the query once, in lanes of whole people, in the query’s order', async () => {
    const extraction = await room.extract(people(5_000), { since: 1_700_000_000 });
    expect(extraction.manifest).toMatchObject({ version: 2, rows: 5_000, failed: 0, errorFiles: [] });
    expect(extraction.warnings).toEqual([]);
    const lanes = await room.calls(extraction);
    expect(lanes).toHaveLength(4);
    expect(laneRows(extraction.manifest)).toEqual(lanes.map((calls) => calls.length));

    const laneOf = new Map<string, number>();
    for (const [lane, calls] of lanes.entries()) {
      const numbers = calls.map(({ row }) => row);
      expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
      for (const { row, json } of calls) {
        const sent = JSON.parse(json) as Sent;
        const isSame = row % 10 === 0;
        expect(sent).toMatchObject({
          userId: isSame ? 'same' : `user-${row % 40}`,
          traits: {
            number: isSame ? 0 : row,
            nested: { note: 'two\nlines 🎈' },
            spaced: { a: 1 },
            since: 1_700_000_000,
          },
        });
        expect(laneOf.get(sent.userId) ?? lane).toBe(lane);
        laneOf.set(sent.userId, lane);
      }
    }
    expect(lanes.flatMap((calls) => calls.map(({ row }) => row)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 5_000 }, (_row, index) => index + 1),
    );
  });

  test('of an empty result stages nothing', async () => {
    const extraction = await room.extract('SELECT 1 AS "userId" WHERE false');
    expect(extraction.manifest).toMatchObject({
      rows: 0,
      failed: 0,
      lanes: [[], [], [], []],
      errorFiles: [],
    });
    expect(extraction.manifest.placements).toEqual([
      { column: 'userId', path: ['userId'], why: 'userId is reserved' },
    ]);
  });

  test('gives the same ids in the same lanes at another attempt, in whatever order and pages the rows come', async () => {
    const attempts = [
      await room.extract(people(5_000)),
      await room.extract(people(5_000), { pageRows: 37, chunkBytes: 3_000 }),
      await room.extract(people(5_000, 'md5(n::text)'), { pageRows: 2_000 }),
    ];
    const idsOf = async (extraction: Extraction) =>
      (await sentIn(extraction)).map((lane) => lane.map(({ messageId }) => messageId));
    const [first, second, shuffled] = await Promise.all(attempts.map(idsOf));
    expect(new Set(first!.flat()).size).toBe(5_000);
    expect(second).toEqual(first);
    expect(shuffled).not.toEqual(first);
    expect(shuffled!.map((lane) => lane.toSorted())).toEqual(first!.map((lane) => lane.toSorted()));
    const [one, two] = attempts.map(({ manifest }) => manifest);
    expect(laneRows(two!)).toEqual(laneRows(one!));
    expect({ ...two, lanes: [] }).toEqual({ ...one, lanes: [] });
  });

  test('gives other ids in another window', async () => {
    const window = { id: 'window-2', firstAttemptAtMs: MAPPING.window.firstAttemptAtMs };
    const ids = async (extraction: Extraction) =>
      (await sentIn(extraction)).flat().map(({ messageId }) => messageId);
    const one = await ids(await room.extract(people(100)));
    const other = await ids(await room.extract(people(100), { mapping: { ...MAPPING, window } }));
    expect(new Set([...one, ...other]).size).toBe(200);
  });

  test('begins its query only once the second that it answers is over, by the source’s clock', async () => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const query = `SELECT 1 AS "userId", floor(extract(epoch FROM statement_timestamp()))::bigint AS began,
        floor(extract(epoch FROM transaction_timestamp()))::bigint AS snapshot`;
      const extraction = await room.extract(query);
      const [call] = (await sentIn(extraction)).flat();
      expect(call?.traits['began']).toBeGreaterThan(extraction.until);
      expect(call?.traits['snapshot']).toBeGreaterThan(extraction.until);
      expect(Number(call?.traits['began']) - extraction.until).toBeLessThan(30);
    }
  });

  test('tells its progress after each page', async () => {
    const told: number[] = [];
    await room.extract(people(1_000), { pageRows: 300, onProgress: (rows) => told.push(rows) });
    expect(told).toEqual([300, 600, 900, 1_000]);
  });

  test('keeps chunks small, though a page of many empty columns is large once it is written', async () => {
    const columns = Array.from({ length: 250 }, (_column, at) => `NULL AS a_column_with_a_long_name_${at}`);
    const { manifest } = await room.extract(
      `SELECT n AS "userId", ${columns.join(', ')} FROM generate_series(1, 3000) AS n`,
      { pageRows: 3_000, chunkBytes: 50_000, lanes: 2 },
    );
    expect(manifest.rows).toBe(3_000);
    expect(Math.max(...manifest.lanes.flat().map(({ bytes }) => bytes))).toBeLessThan(65_000);
  });
});

describe('rows that cannot become calls', () => {
  const withBad = (rows: number) => `
    SELECT CASE WHEN n % 7 <> 0 THEN n END AS "userId", n AS number, E'{\\n"a" : 1 }'::json AS spaced
    FROM generate_series(1, ${rows}) AS n`;

  test('are listed with their number, what is wrong and their data, while the others are staged', async () => {
    const { manifest } = await room.extract(withBad(100));
    expect(manifest).toMatchObject({ rows: 100, failed: 14 });
    expect(laneRows(manifest).reduce((sum, rows) => sum + rows)).toBe(86);
    const failed = await Array.fromAsync(readFailedRows(room.storage, manifest.errorFiles));
    expect(failed.map(({ row }) => row)).toEqual(Array.from({ length: 14 }, (_row, index) => index * 7 + 7));
    expect(failed[1]).toEqual({
      row: 14,
      code: 'missing_user',
      message: expect.stringContaining('userId') as string,
      data: { userId: null, number: 14, spaced: { a: 1 } },
    });
  });

  test('are allowed up to `maxFailedRows`, and one more stops the run', async () => {
    const { manifest } = await room.extract(withBad(100), { maxFailedRows: 14 });
    expect(manifest.failed).toBe(14);
    expect(await failureOf(room.extract(withBad(100), { maxFailedRows: 13 }))).toMatchObject({
      code: 'too_many_failed_rows',
      message: expect.stringMatching(
        /^More than 13 rows cannot become calls \(`maxFailedRows`\); nothing was sent/,
      ) as string,
    });
  });

  test('can be all of them', async () => {
    const { manifest } = await room.extract(
      'SELECT NULL::text AS "userId", n FROM generate_series(1, 50) AS n',
    );
    expect(manifest).toMatchObject({ rows: 50, failed: 50, lanes: [[], [], [], []] });
  });
});

describe('limits', () => {
  test('rows up to `rowsMax` are taken, and one more is refused', async () => {
    expect((await room.extract(people(300), { rowsMax: 300 })).manifest.rows).toBe(300);
    expect(await failureOf(room.extract(people(300), { rowsMax: 299 }))).toMatchObject({
      code: 'limit_exceeded',
      message: expect.stringMatching(
        /^The query returns more than 299 rows.*`limits\.rowsMax`.*Narrow it/,
      ) as string,
    });
  });

  test('too many rows stop the query long before its end', async () => {
    const endless = 'SELECT generate_series(1, 1000000000000) AS "userId"';
    expect((await failureOf(room.extract(endless, { rowsMax: 2_000 }))).code).toBe('limit_exceeded');
    await room.disconnected();
  });

  test('more rows or columns than are recommended warn', async () => {
    expect((await room.extract(people(300), { rowsWarn: 300 })).warnings).toEqual([]);
    const limits = { ...MAPPING.limits, columnsWarn: 4 };
    const { warnings } = await room.extract(people(300), { rowsWarn: 299, mapping: { ...MAPPING, limits } });
    expect(warnings).toEqual([
      expect.stringMatching(/^The query returns 5 columns, more than the 4 that are recommended/),
      'The query returned 300 rows, more than the 299 that are recommended; more than 2000000 are refused.',
    ]);
  });
});

describe('an extraction that does not come to its end leaves no connection and no temporary files', () => {
  afterAll(() => expect(room.temporaryFiles()).toEqual([]));

  test('where it is aborted in the middle', async () => {
    const abort = new AbortController();
    const reason = new Error('the run was cancelled');
    let spilled: string[] = [];
    const extraction = room.extract(people(200_000), {
      signal: abort.signal,
      onProgress: (rows) => {
        if (rows < 40_000) return;
        spilled = room.temporaryFiles();
        abort.abort(reason);
      },
      chunkBytes: 10_000,
    });
    await expect(extraction).rejects.toBe(reason);
    expect(spilled).toContainEqual(expect.stringMatching(/^scratch-/));
    expect(room.temporaryFiles()).toEqual([]);
    await room.disconnected();
  });

  test('where it is aborted before the second is over', async () => {
    const abort = new AbortController();
    const reason = new Error('the run was cancelled');
    // At the beginning of a second there is time before it is over.
    await until(() => Promise.resolve(Date.now() % 1_000 < 100));
    const extraction = room.extract(people(10), { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 200);
    await expect(extraction).rejects.toBe(reason);
    await room.disconnected();
  });

  test('where it is aborted while the server works on the first row', async () => {
    const abort = new AbortController();
    const reason = new Error('the run was cancelled');
    const extraction = room.extract('SELECT 1 AS "userId", pg_sleep(60)::text AS slept', {
      signal: abort.signal,
    });
    extraction.catch(() => undefined);
    const working = "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'";
    await until(async () => (await room.database.admin.query(working, [room.database.role])).rowCount === 1);
    abort.abort(reason);
    await expect(extraction).rejects.toBe(reason);
    await room.disconnected();
  });

  test('where the query fails late', async () => {
    const failing = 'SELECT n AS "userId", 1 / (50000 - n) AS part FROM generate_series(1, 60000) AS n';
    const failure = await failureOf(room.extract(failing, { chunkBytes: 10_000 }));
    expect(failure).toMatchObject({
      code: 'query_failed',
      message: expect.stringContaining('division by zero') as string,
    });
    await room.disconnected();
  });

  test('where the result cannot be mapped', async () => {
    const failure = await failureOf(room.extract('SELECT n FROM generate_series(1, 100000) AS n'));
    expect(failure).toMatchObject({
      code: 'mapping_invalid',
      message: expect.stringContaining('userId') as string,
    });
    await room.disconnected();
  });

  test('where its storage refuses', async () => {
    const folder = 'runs/people/run/taken';
    for (const lane of [0, 1, 2, 3]) {
      await room.storage.put(`${folder}/chunks/${lane}-00000${lane}`, Buffer.from('taken'));
    }
    const failure = await failureOf(room.extract(people(100_000), { folder }));
    expect(failure.code).toBe('storage_corrupt');
    await room.disconnected();
  });
});
