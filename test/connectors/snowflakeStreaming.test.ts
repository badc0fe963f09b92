import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Resume } from '../../connectors/source.ts';
import { readInChild } from './readInChild.ts';
import { failureOf, readAll, request, until } from './request.ts';
import { createSnowflakeDatabase, PASSWORD, peerAccount } from './snowflakeDatabase.ts';
import type { SnowflakeDatabase } from './snowflakeDatabase.ts';

const PEER = await peerAccount();
const peer = PEER.peer!;

describe.skipIf(PEER.account === null)(`${PEER.name}:`, () => {
  let database: SnowflakeDatabase;

  beforeAll(async () => {
    database = await createSnowflakeDatabase(PEER, 400_000);
  });

  afterEach(() => peer.fail({}));

  afterAll(async () => {
    await database.drop();
    await peer.stop();
  });

  const task = (sql: string) => ({ config: database.config(), password: PASSWORD, sql });
  const chunks = async () => (await peer.state()).counts.chunks;
  const queries = async () => (await peer.state()).counts.queries;

  test(
    'hundreds of thousands of rows, and rows of 100 KB, are read within eighty megabytes of heap',
    { timeout: 300_000 },
    async () => {
      const rows = (count: number, chars: number) =>
        `SELECT n, REPEAT('x', ${chars}) AS pad, n * 0.01 AS amount FROM numbers WHERE n <= ${count}`;
      for (const [count, chars] of [
        [400_000, 100],
        [1_500, 100_000],
      ] as const) {
        // The driver alone takes thirty.
        const reading = await readInChild(task(rows(count, chars)), ['--max-old-space-size=80']);
        expect(reading.rows).toBe(count);
      }
    },
  );

  test('a reader that stops halts the download: at most the next chunk is fetched', async () => {
    const source = await database.open();
    const before = await chunks();
    const { pages } = await source.query(request('SELECT n FROM numbers ORDER BY n'));
    for await (const page of pages) {
      expect(page.length).toBeGreaterThan(0);
      await until(async () => (await chunks()) > before);
      // Time enough for a reader that runs ahead to run far.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect((await chunks()) - before).toBe(1);
      break;
    }
    await source.close();
  });

  test('the time zone of the worker changes no value', async () => {
    const sql = "SELECT '2026-03-29'::DATE AS a, '2026-03-29 02:30:00'::TIMESTAMP_NTZ AS b";
    for (const zone of ['Pacific/Kiritimati', 'America/St_Johns']) {
      const { firstRow } = await readInChild(task(sql), [], { TZ: zone });
      expect(firstRow).toEqual(['2026-03-29', '2026-03-29T02:30:00.000000000']);
    }
  });

  describe('a query that another worker started', () => {
    const SQL = 'SELECT n FROM numbers WHERE n <= 20000 ORDER BY n';

    /** Takes up a query, and notes those that are started. */
    function resumeFrom(from: string | null): Resume & { readonly ids: string[] } {
      const ids: string[] = [];
      return { from, ids, started: (id) => void ids.push(id) };
    }

    /** The id of a query whose worker dies while it reads the result. */
    async function abandoned(sql: string): Promise<string> {
      const source = await database.open();
      const resume = resumeFrom(null);
      const { pages, isResumed } = await source.query(request(sql, { resume }));
      expect(isResumed).toBe(false);
      const reading = (async () => {
        for await (const page of pages) if (page.length > 0) await peer.kill(database.user);
      })();
      expect((await failureOf(reading)).code).toBe('source_connection_lost');
      await source.close();
      expect(resume.ids).toHaveLength(1);
      return resume.ids[0]!;
    }

    test('is taken up from its beginning, and not run again', async () => {
      const id = await abandoned(SQL);
      const before = await queries();
      const source = await database.open();
      const resume = resumeFrom(id);
      const { pages, isResumed } = await source.query(request(SQL, { resume }));
      let rows = 0;
      for await (const page of pages) for (const row of page) expect(row[0]).toBe(String((rows += 1)));
      expect({ isResumed, rows, started: resume.ids }).toEqual({
        isResumed: true,
        rows: 20_000,
        started: [],
      });
      expect((await queries()) - before).toBe(0);
      await source.close();
    });

    test('is waited for while it runs, and stopped when the run is cancelled', async () => {
      const first = await database.open();
      const started = resumeFrom(null);
      const answer = first.query(request('SELECT SYSTEM$WAIT(60) AS waited', { resume: started }));
      answer.catch(() => undefined);
      await until(() => Promise.resolve(started.ids.length === 1));
      const second = await database.open();
      const abort = new AbortController();
      const resume = resumeFrom(started.ids[0]!);
      const again = second.query(
        request('SELECT SYSTEM$WAIT(60) AS waited', { resume, signal: abort.signal }),
      );
      abort.abort(new Error('the run was cancelled'));
      await expect(again).rejects.toThrow('the run was cancelled');
      await expect(answer).rejects.toThrow();
      expect((await peer.state()).running).toEqual([]);
      expect(resume.ids).toEqual([]);
      for (const source of [first, second]) await source.close();
    });

    test('is run anew where it failed, or where nothing is known of it', async () => {
      const source = await database.open();
      const failed = resumeFrom(null);
      await failureOf(readAll(source, "SELECT CAST('x' AS NUMBER) AS n FROM numbers", { resume: failed }));
      for (const id of [failed.ids[0]!, '01b0e2c4-0000-1111-0000-222233334444']) {
        const resume = resumeFrom(id);
        const { isResumed } = await source.query(request(SQL, { resume }));
        expect({ isResumed, started: resume.ids.length }).toEqual({ isResumed: false, started: 1 });
      }
      await source.close();
    });
  });
});
