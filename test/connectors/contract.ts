import { describe, expect, test } from 'vitest';
import type { FailureCode } from '../../errors.ts';
import type { Cell, ColumnKind, Source } from '../../connectors/source.ts';
import { failureOf, readAll, request, until } from './request.ts';

/** An expression of the source's SQL, and what must come through of it. */
export type ExactValue = readonly [sql: string, kind: ColumnKind, cell: Cell];

/** A query that tries to change something, and the failure that it must end in. */
export type Attempt = readonly [name: string, sql: string, code: FailureCode, says: RegExp];

/** What the contract needs to know of a source, in its own SQL. */
export interface SourceUnderTest {
  readonly name: string;
  open(signal?: AbortSignal): Promise<Source>;
  readonly values: Readonly<Record<string, readonly ExactValue[]>>;
  /** A table of one row for the expressions of the values, where some can only be had from columns. */
  readonly stored?: string;
  /** A query with the column `n` from 1 to `rows`, and `pad`, a text of so many characters. */
  rows(rows: number, padChars: number): string;
  /** A query whose column `n` counts to 1,000 and then fails. */
  readonly failsLate: string;
  /** A query that runs for a minute before its first row. */
  readonly slow: string;
  readonly attempts: readonly Attempt[];
  /** Queries that return no columns. */
  readonly notQueries: readonly string[];
  /** Where the tests cannot see what the server has under way, nor cut it off, as with an account in the cloud. */
  readonly isRemote?: boolean;
  /** Where the server hears of nothing while it is at work, so that a statement can only be stopped with its connection. */
  readonly isDeaf?: boolean;
  /** What the attempts tried to change. */
  guarded(): Promise<unknown>;
  /** How many statements of Rowcast's the server has under way. */
  statements(): Promise<number>;
  /** Where two columns of a result cannot have one name. */
  readonly sameNames?: false;
  /** How many connections of Rowcast's the server has; of a service without any, how many statements. */
  connections(): Promise<number>;
  /** Cuts off every source that is open; not where the way to a service cannot be cut. */
  killConnections?(): Promise<void>;
  /** The server's clock now, in milliseconds since 1970. */
  clock(): Promise<number>;
}

async function using<Result>(
  subject: SourceUnderTest,
  task: (source: Source) => Promise<Result>,
): Promise<Result> {
  const source = await subject.open();
  try {
    return await task(source);
  } finally {
    await source.close();
  }
}

/** What every source must do. One suite, run over each of them. */
export function describeSource(subject: SourceUnderTest): void {
  describe(subject.name, () => {
    describeValues(subject);
    describeShape(subject);
    describeReading(subject);
    if (subject.isRemote !== true) {
      describeEnding(subject);
      const kill = subject.killConnections?.bind(subject);
      if (kill !== undefined) describeLoss(subject, kill);
    }
    describeReadOnly(subject);
  });
}

function describeValues(subject: SourceUnderTest): void {
  const from = subject.stored === undefined ? '' : ` FROM ${subject.stored}`;
  for (const [what, values] of Object.entries(subject.values)) {
    test(`${what} come through exactly`, async () => {
      await using(subject, async (source) => {
        const list = values.map(([sql], index) => `${sql} AS v${index}`).join(', ');
        const { columns, rows } = await readAll(source, `SELECT ${list}${from}`);
        expect(rows).toHaveLength(1);
        const found = values.map(([sql], index) => ({
          sql,
          kind: columns[index]?.kind,
          cell: plain(rows[0]?.[index]),
        }));
        expect(found).toEqual(values.map(([sql, kind, cell]) => ({ sql, kind, cell: plain(cell) })));
      });
    });
  }
}

/** Bytes by their content, whatever class holds them. */
function plain(cell: Cell | undefined): unknown {
  return cell instanceof Uint8Array ? { bytes: Buffer.from(cell).toString('hex') } : cell;
}

function describeShape(subject: SourceUnderTest): void {
  test('an empty result has its columns', async () => {
    await using(subject, async (source) => {
      const { columns, rows } = await readAll(
        source,
        `SELECT n, pad FROM (${subject.rows(3, 1)}) r WHERE n < 0`,
      );
      expect(columns.map(({ name }) => name)).toEqual(['n', 'pad']);
      expect(rows).toEqual([]);
    });
  });

  test.runIf(subject.sameNames !== false)('two columns of one name both come through', async () => {
    await using(subject, async (source) => {
      const { columns, rows } = await readAll(source, 'SELECT 1 AS a, 2 AS a, 3 AS b');
      expect(columns.map(({ name }) => name)).toEqual(['a', 'a', 'b']);
      expect(rows).toEqual([['1', '2', '3']]);
    });
  });

  test('several queries follow one another on one connection', async () => {
    await using(subject, async (source) => {
      for (const number of ['1', '2', '3']) {
        expect((await readAll(source, `SELECT ${number} AS n`)).rows).toEqual([[number]]);
        expect(await source.clock()).toBeGreaterThan(0);
      }
    });
  });

  test('the clock is the server’s', async () => {
    await using(subject, async (source) => {
      const before = await subject.clock();
      const now = await source.clock();
      const after = await subject.clock();
      expect(Number.isInteger(now)).toBe(true);
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now).toBeLessThanOrEqual(after);
    });
  });
}

function describeReading(subject: SourceUnderTest): void {
  test('every row of a long result comes once and in order, in pages of at most the size asked for', async () => {
    await using(subject, async (source) => {
      const { pages } = await source.query(request(subject.rows(20_000, 10), { pageRows: 700 }));
      let expected = 0;
      for await (const page of pages) {
        expect(page.length).toBeLessThanOrEqual(700);
        for (const row of page) expect(row[0]).toBe(String((expected += 1)));
      }
      expect(expected).toBe(20_000);
    });
  });

  test('pages of one row are possible', async () => {
    await using(subject, async (source) => {
      const { pages, rows } = await readAll(source, subject.rows(5, 1), { pageRows: 1 });
      expect(pages).toEqual([1, 1, 1, 1, 1]);
      expect(rows).toHaveLength(5);
    });
  });

  test('heavy rows come in small pages', async () => {
    await using(subject, async (source) => {
      const { pages } = await readAll(source, subject.rows(60, 500_000));
      expect(Math.max(...pages)).toBeLessThanOrEqual(16);
    });
  });

  test('heavy rows after many light ones come in small pages too', async () => {
    await using(subject, async (source) => {
      const light = `SELECT n, pad FROM (${subject.rows(30_000, 1)}) l`;
      const heavy = `SELECT n, pad FROM (${subject.rows(60, 500_000)}) h`;
      const { pages } = await source.query(request(`${light} UNION ALL ${heavy}`));
      const heavyPages: number[] = [];
      let rows = 0;
      for await (const page of pages) {
        rows += page.length;
        heavyPages.push(page.filter((row) => String(row[1]).length > 1).length);
      }
      expect(rows).toBe(30_060);
      expect(Math.max(...heavyPages)).toBeLessThanOrEqual(16);
    });
  });

  test('a query that fails after a thousand rows throws, and never just ends', async () => {
    await using(subject, async (source) => {
      const failure = await failureOf(readAll(source, subject.failsLate, { pageRows: 100 }));
      expect(failure.code).toBe('query_failed');
    });
  });
}

function describeEnding(subject: SourceUnderTest): void {
  test('an aborted query throws the reason, and its statement is gone from the server', async () => {
    const source = await subject.open();
    const abort = new AbortController();
    const reason = new Error('the run was cancelled');
    const answer = source.query(request(subject.slow, { signal: abort.signal }));
    answer.catch(() => undefined);
    await until(async () => (await subject.statements()) === 1);
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await source.close();
    await until(async () => (await subject.connections()) === 0);
  });

  test('a read aborted between pages throws the reason, and its statement is gone from the server', async () => {
    const source = await subject.open();
    const abort = new AbortController();
    const reason = new Error('the run was cancelled');
    const { pages } = await source.query(request(subject.rows(300_000, 500), { signal: abort.signal }));
    const reading = (async () => {
      for await (const page of pages) if (page.length > 0) abort.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
    await source.close();
    await until(async () => (await subject.connections()) === 0);
  });

  test('a signal that is aborted already starts nothing', async () => {
    const reason = new Error('too late');
    await expect(subject.open(AbortSignal.abort(reason))).rejects.toBe(reason);
    await using(subject, async (source) => {
      const signal = AbortSignal.abort(reason);
      await expect(source.query(request(subject.slow, { signal }))).rejects.toBe(reason);
      expect(await subject.statements()).toBe(0);
    });
    await until(async () => (await subject.connections()) === 0);
  });

  test.skipIf(subject.isDeaf)(
    'leaving the loop early stops the statement, and the connection serves the next query',
    async () => {
      await using(subject, async (source) => {
        const { pages } = await source.query(request(subject.rows(300_000, 500)));
        for await (const page of pages) if (page.length > 0) break;
        await until(async () => (await subject.statements()) === 0);
        expect((await readAll(source, 'SELECT 7 AS n')).rows).toEqual([['7']]);
      });
      await until(async () => (await subject.connections()) === 0);
    },
  );

  test('closing stops what still runs, as often as it is called', async () => {
    const source = await subject.open();
    const answer = source.query(request(subject.slow));
    answer.catch(() => undefined);
    await until(async () => (await subject.statements()) === 1);
    await Promise.all([source.close(), source.close()]);
    await source.close();
    await expect(answer).rejects.toThrow();
    await until(async () => (await subject.connections()) === 0);
  });
}

function describeLoss(subject: SourceUnderTest, kill: () => Promise<void>): void {
  test('a connection killed in mid-read throws source_connection_lost', async () => {
    await using(subject, async (source) => {
      const { pages } = await source.query(request(subject.rows(300_000, 500)));
      const reading = (async () => {
        let killed = false;
        for await (const page of pages) {
          expect(page.length).toBeGreaterThan(0);
          if (!killed) await kill();
          killed = true;
        }
      })();
      const failure = await failureOf(reading);
      expect(failure.code).toBe('source_connection_lost');
      expect(failure.retryable).toBe(true);
    });
  });

  test('a connection killed while the server works throws source_connection_lost', async () => {
    await using(subject, async (source) => {
      const answer = source.query(request(subject.slow));
      answer.catch(() => undefined);
      await until(async () => (await subject.statements()) === 1);
      await kill();
      expect((await failureOf(answer)).code).toBe('source_connection_lost');
    });
  });

  test('a connection killed between queries makes the next one fail, and the process goes on', async () => {
    await using(subject, async (source) => {
      await readAll(source, 'SELECT 1 AS n');
      await kill();
      await until(async () => (await subject.connections()) === 0);
      expect((await failureOf(readAll(source, 'SELECT 1 AS n'))).code).toBe('source_connection_lost');
      expect((await failureOf(source.clock())).code).toBe('source_connection_lost');
    });
  });

  test('closing a connection that was killed does not throw', async () => {
    const source = await subject.open();
    await source.query(request(subject.rows(300_000, 500)));
    await kill();
    await source.close();
    await until(async () => (await subject.connections()) === 0); // A killed one is listed until its thread is over.
  });
}

function describeReadOnly(subject: SourceUnderTest): void {
  for (const [name, sql, code, says] of subject.attempts) {
    test(`${name} changes nothing, and says why`, async () => {
      const before = await subject.guarded();
      await using(subject, async (source) => {
        const failure = await failureOf(readAll(source, sql));
        expect({ code: failure.code, message: failure.message }).toEqual({
          code,
          message: expect.stringMatching(says) as string,
        });
      });
      expect(await subject.guarded()).toEqual(before);
    });
  }

  test('what is no query is refused before it runs', async () => {
    for (const sql of subject.notQueries) {
      await using(subject, async (source) => {
        const { code, message } = await failureOf(readAll(source, sql));
        expect({ sql, code, message }).toEqual({
          sql,
          code: 'query_not_read_only',
          message: expect.stringMatching(/(returns no columns|is no SELECT).*SELECT/s) as string,
        });
        expect((await readAll(source, 'SELECT 1 AS n')).rows).toEqual([['1']]);
      });
    }
  });
}
