import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPreview } from '../../extraction/preview.ts';
import { failureOf, until } from '../connectors/request.ts';
import { MAPPING, openRoom } from './room.ts';
import type { Room } from './room.ts';

/* The first rows of a query of a real PostgreSQL, beside the calls that they would become. */

let room: Room;

beforeAll(async () => {
  room = await openRoom();
});

afterAll(() => room[Symbol.asyncDispose]());

describe('a preview', () => {
  test('shows the first rows beside their calls, and where each column goes', async () => {
    const preview = await room.preview(
      `SELECT 'ann' AS userid, 'Ann 🎈' AS name, NULL::int AS age, '{"b": [1]}'::jsonb AS a,
        '::1' AS "context.ip", {{ last_sync_time }} AS since`,
      { since: 1_700_000_000 },
    );
    expect(preview).toMatchObject({ type: 'identify', since: 1_700_000_000, warnings: [] });
    expect(preview.rows).toEqual([
      {
        row: 1,
        data: {
          userid: 'ann',
          name: 'Ann 🎈',
          age: null,
          a: { b: [1] },
          'context.ip': '::1',
          since: 1_700_000_000,
        },
        call: {
          context: { ip: '::1' },
          messageId: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/) as string,
          type: 'identify',
          userId: 'ann',
          traits: { name: 'Ann 🎈', age: null, a: { b: [1] }, since: 1_700_000_000 },
        },
        leftOut: [],
      },
    ]);
    expect(preview.placements.map(({ column, path }) => [column, path.join('.')])).toEqual([
      ['userid', 'userId'],
      ['name', 'traits.name'],
      ['age', 'traits.age'],
      ['a', 'traits.a'],
      ['context.ip', 'context.ip'],
      ['since', 'traits.since'],
    ]);
    for (const { why } of preview.placements) expect(why).toMatch(/\w/);
  });

  test('of an empty result says where the columns go', async () => {
    const preview = await room.preview('SELECT 1 AS "userId", 2 AS plan WHERE false');
    expect(preview.rows).toEqual([]);
    expect(preview.placements.map(({ column }) => column)).toEqual(['userId', 'plan']);
  });

  test('shows as many rows as there are, up to the number asked for', async () => {
    const query = 'SELECT n AS "userId" FROM generate_series(1, 20) AS n';
    for (const [limit, count] of [
      [1, 1],
      [10, 10],
      [20, 20],
      [100, 20],
    ] as const) {
      const { rows } = await room.preview(query, { limit });
      expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: count }, (_row, index) => index + 1));
    }
  });

  test('shows as many rows where they are so large that they come in several pages', async () => {
    const query = `SELECT n AS "userId", repeat('x', 100000) AS pad FROM generate_series(1, 200) AS n`;
    const { rows } = await room.preview(query, { limit: 100 });
    expect(rows.map(({ data }) => data['userId'])).toEqual(Array.from({ length: 100 }, (_row, at) => at + 1));
  });

  test('has the server compute those rows only, and leaves nothing running', async () => {
    const computed = "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid = 9";
    const source = await room.database.open();
    const query =
      'SELECT n AS "userId", pg_advisory_lock_shared(9, n)::text AS locked FROM generate_series(1, 5000) AS n';
    const signal = new AbortController().signal;
    const { rows } = await readPreview({
      source,
      query,
      since: 0,
      mapping: MAPPING,
      sharesContext: true,
      limit: 7,
      signal,
    });
    expect(rows).toHaveLength(7);
    // Locks of a session outlive its statement.
    expect((await room.database.admin.query<{ n: number }>(computed)).rows).toEqual([{ n: 7 }]);
    const active = "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle'";
    expect((await room.database.admin.query(active, [room.database.role])).rowCount).toBe(0);
    await source.close();
    await room.disconnected();
  });

  test('warns of columns that would make every batch small, where a batch has one context', async () => {
    const query = `SELECT n AS "userId", '10.0.0.' || n AS "context.ip", n / 5 AS "context.app.build",
      json_build_object('all', n) AS integrations FROM generate_series(1, 10) AS n`;
    const { warnings } = await room.preview(query);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The columns "context\.ip", "integrations" differ in most rows.*Order the query/,
      ),
    ]);
    expect((await room.preview(query, { limit: 1 })).warnings).toEqual([]);
    expect((await room.preview(query, { sharesContext: false })).warnings).toEqual([]);
    expect((await room.preview(`${query} WHERE n > 10`)).warnings).toEqual([]);
  });

  test('of a query without end answers', async () => {
    const query = 'SELECT generate_series(1, 1000000000000) AS "userId"';
    expect((await room.preview(query)).rows).toHaveLength(10);
    await room.disconnected();
  });

  test('reports each row that cannot become a call with what is wrong, and shows the others', async () => {
    const { rows } = await room.preview(
      `SELECT CASE WHEN n <> 2 THEN n END AS "userId", CASE WHEN n = 4 THEN 'soon' END AS timestamp
      FROM generate_series(1, 4) AS n`,
    );
    expect(rows).toEqual([
      expect.objectContaining({ row: 1, call: expect.objectContaining({ userId: '1' }) as unknown }),
      {
        row: 2,
        data: { userId: null, timestamp: null },
        code: 'missing_user',
        message: expect.stringContaining('userId') as string,
      },
      expect.objectContaining({ row: 3, call: expect.objectContaining({ userId: '3' }) as unknown }),
      {
        row: 4,
        data: { userId: 4, timestamp: 'soon' },
        code: 'invalid_timestamp',
        message: expect.stringContaining('"soon"') as string,
      },
    ]);
  });

  test('says what is wrong with the whole result, with the query, and warns as a run would', async () => {
    expect(await failureOf(room.preview('SELECT 1 AS id'))).toMatchObject({ code: 'mapping_invalid' });
    expect(await failureOf(room.preview('SELEC 1'))).toMatchObject({ code: 'query_failed' });
    const limits = { ...MAPPING.limits, columnsWarn: 1 };
    const { warnings } = await room.preview('SELECT 1 AS "userId", 2 AS plan', {
      mapping: { ...MAPPING, limits },
    });
    expect(warnings).toEqual([expect.stringContaining('The query returns 2 columns')]);
    await room.disconnected();
  });

  test('that is aborted stops its query on the server', async () => {
    const abort = new AbortController();
    const reason = new Error('nobody waits any more');
    const preview = room.preview('SELECT 1 AS "userId", pg_sleep(60)::text AS slept', {
      signal: abort.signal,
    });
    preview.catch(() => undefined);
    const working = "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'";
    await until(async () => (await room.database.admin.query(working, [room.database.role])).rowCount === 1);
    abort.abort(reason);
    await expect(preview).rejects.toBe(reason);
    await room.disconnected();
  });
});
