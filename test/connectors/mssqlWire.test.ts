import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import type { Source } from '../../connectors/source.ts';
import type { FailureCode } from '../../errors.ts';
import { failureOf, readAll, request, until } from './request.ts';
import { PASSWORD, startTdsPeer, varchar, WITH_SNAPSHOTS } from './tdsPeer.ts';
import type { Answer, Behaviour, TdsPeer, Wire } from './tdsPeer.ts';
import * as tds from './tdsTokens.ts';

/*
 * What can go wrong on the wire to SQL Server, against a peer of the tests' own: see `tdsPeer.ts` for what that cannot
 * show.
 */

const peers: TdsPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

async function start(behaviour: Behaviour): Promise<TdsPeer> {
  const peer = await startTdsPeer(behaviour);
  peers.push(peer);
  return peer;
}

/** A source whose peer answers every SELECT of the test's own. */
async function open(answer: Answer, more: Behaviour = {}): Promise<{ peer: TdsPeer; source: Source }> {
  const peer = await start({ answer: (sql) => (sql.startsWith('SELECT n') ? answer : undefined), ...more });
  return { peer, source: await peer.open() };
}

const NUMBERS = tds.columns([['n', tds.u8(0x38)]]);
const number = (value: number) => tds.row(tds.u32(value));
const numbers = (count: number) => Buffer.concat(Array.from({ length: count }, (_, at) => number(at + 1)));

describe('a result', () => {
  test('comes whole, whatever packets and pieces it comes in', async () => {
    const rows = Buffer.concat([NUMBERS, numbers(50), tds.done(50)]);
    for (const packetBytes of [1, 5, 13, 4_000]) {
      const { source } = await open((wire) => wire.send(rows, { packetBytes }));
      const { columns, rows: cells } = await readAll(source, 'SELECT n FROM t', { pageRows: 7 });
      expect(columns).toEqual([{ name: 'n', kind: 'number' }]);
      expect(cells.map(([cell]) => cell)).toEqual(Array.from({ length: 50 }, (_, at) => String(at + 1)));
      await source.close();
    }
  });

  test('that has fewer rows than the server counted is lost, not short', async () => {
    const { source } = await open(Buffer.concat([NUMBERS, numbers(9), tds.done(10)]));
    const failure = await failureOf(readAll(source, 'SELECT n FROM t', { pageRows: 5 }));
    expect(failure.code).toBe('source_connection_lost');
    expect(failure.message).toContain('9 of 10 rows have come');
    await source.close();
  });

  test('that ends without the server’s word that it is complete is lost, not short', async () => {
    const { source } = await open(Buffer.concat([NUMBERS, numbers(9)]));
    const failure = await failureOf(readAll(source, 'SELECT n FROM t'));
    expect(failure.code).toBe('source_connection_lost');
    expect(failure.message).toContain('ended before its time');
    await source.close();
  });

  test('that fails after some rows throws the server’s words', async () => {
    const failing = [
      NUMBERS,
      numbers(9),
      tds.errorToken(8134, 'Divide by zero error encountered.'),
      tds.doneWithError(),
    ];
    const { source } = await open(Buffer.concat(failing));
    const failure = await failureOf(readAll(source, 'SELECT n FROM t', { pageRows: 5 }));
    expect(failure.code).toBe('query_failed');
    expect(failure.message).toContain('Divide by zero error encountered. (error 8134)');
    await source.close();
  });

  test('after which another one comes is refused', async () => {
    const { source } = await open(
      Buffer.concat([NUMBERS, numbers(2), tds.doneAndMore(2), NUMBERS, numbers(2), tds.done(2)]),
    );
    expect((await failureOf(readAll(source, 'SELECT n FROM t'))).code).toBe('query_multiple_statements');
    await source.close();
  });

  test('of garbage ends the process’s reading, not the process', async () => {
    const { source } = await open(Buffer.concat([NUMBERS, number(1), tds.hex('77 77 77')]));
    expect((await failureOf(readAll(source, 'SELECT n FROM t'))).code).toBe('source_connection_lost');
    await source.close();
  });
});

describe('a connection that is lost', () => {
  const losses: [string, (wire: Wire) => void][] = [
    ['is reset', ({ socket }) => socket.resetAndDestroy()],
    ['is ended in order', ({ socket }) => socket.end()],
    [
      'is ended by the server with an error',
      (wire) => {
        wire.send(
          Buffer.concat([tds.errorToken(596, 'Cannot continue the execution.', 21), tds.doneWithError()]),
        );
        wire.socket.end();
      },
    ],
  ];

  test.each(losses)('and %s in mid-read throws, and the pages never just end', async (_, lose) => {
    const wires: Wire[] = [];
    const { source } = await open((wire) => {
      wires.push(wire);
      wire.send(Buffer.concat([NUMBERS, numbers(30)]), { isLast: false });
    });
    const { pages } = await source.query(request('SELECT n FROM t', { pageRows: 10 }));
    let rows = 0;
    const reading = (async () => {
      for await (const page of pages) {
        rows += page.length;
        if (rows === 30) lose(wires[0]!);
      }
    })();
    expect((await failureOf(reading)).code).toBe('source_connection_lost');
    expect(rows).toBe(30);
    await source.close();
  });

  test.each(losses)('and %s while the server works throws', async (_, lose) => {
    const { source } = await open((wire) => setTimeout(() => lose(wire), 20));
    expect((await failureOf(readAll(source, 'SELECT n FROM t'))).code).toBe('source_connection_lost');
    await source.close();
  });
});

describe('stopping', () => {
  test('an aborted query sends an attention, ends its transaction, and leaves the connection usable', async () => {
    const { peer, source } = await open(() => undefined);
    const abort = new AbortController();
    const answer = source.query(request('SELECT n FROM t', { signal: abort.signal }));
    answer.catch(() => undefined);
    await until(() => Promise.resolve(peer.heard.includes('SELECT n FROM t')));
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    expect(peer.heard.slice(-3)).toEqual([
      'SELECT n FROM t',
      'attention',
      expect.stringContaining('ROLLBACK'),
    ]);
    await source.close();
  });

  test('leaving the loop early sends an attention, and what still comes is forgotten', async () => {
    const { peer, source } = await open((wire) =>
      wire.send(Buffer.concat([NUMBERS, numbers(30)]), { isLast: false }),
    );
    const { pages } = await source.query(request('SELECT n FROM t', { pageRows: 10 }));
    for await (const page of pages) if (page.length > 0) break;
    expect(peer.heard.at(-2)).toBe('attention');
    expect(peer.heard.at(-1)).toContain('ROLLBACK');
    await source.close();
  });

  test('a server that takes no notice of an attention holds up nothing for long, and loses the connection', async () => {
    const { source } = await open(() => undefined, { isDeaf: true });
    const abort = new AbortController();
    const answer = source.query(request('SELECT n FROM t', { signal: abort.signal }));
    answer.catch(() => undefined);
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    expect((await failureOf(readAll(source, 'SELECT n FROM t'))).code).toBe('source_connection_lost');
    await source.close();
  });

  test('a reader that stops halts the server', async () => {
    let sent = 0;
    const chunk = Buffer.concat(
      Array.from({ length: 100 }, () => tds.row(tds.inShort(Buffer.alloc(8_000, 'x')))),
    );
    const { source } = await open((wire) => {
      const { socket } = wire;
      const pump = () => {
        while (!socket.destroyed) {
          wire.send(chunk, { isLast: false });
          sent += chunk.length;
          if (socket.writableNeedDrain) return;
        }
      };
      socket.on('drain', pump);
      wire.send(tds.columns([['n', varchar(8_000)]]), { isLast: false });
      pump();
    });
    const { pages } = await source.query(request('SELECT n FROM t'));
    for await (const page of pages) {
      expect(page.length).toBeLessThan(1_000);
      let before = -1;
      await until(async () => {
        if (sent === before) return true;
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 200));
        return false;
      });
      expect(sent).toBeLessThan(60_000_000);
      break;
    }
    await source.close();
  });
});

describe('only reading', () => {
  test('a query runs in a transaction of its own, which is rolled back', async () => {
    const { peer, source } = await open(Buffer.concat([NUMBERS, numbers(1), tds.done(1)]));
    await readAll(source, 'SELECT n FROM t -- a comment');
    expect(peer.heard.slice(-3)).toEqual([
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION',
      `SELECT n FROM t ${' '.repeat(12)}`,
      'IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION',
    ]);
    await source.close();
  });

  test('nothing of what is refused is sent, and the connection serves the next query', async () => {
    const { peer, source } = await open(Buffer.concat([NUMBERS, numbers(1), tds.done(1)]));
    const before = peer.heard.length;
    for (const sql of [
      'DELETE FROM t',
      'SELECT n FROM t COMMIT DELETE FROM t',
      'EXEC p',
      'SELECT n INTO c FROM t',
    ]) {
      expect((await failureOf(readAll(source, sql))).code).toBe('query_not_read_only');
    }
    expect(peer.heard).toHaveLength(before);
    expect((await readAll(source, 'SELECT n FROM t')).rows).toEqual([['1']]);
    await source.close();
  });

  test('a snapshot is read where the database allows it, and committed rows where the query leaves that', async () => {
    const result = Buffer.concat([NUMBERS, numbers(1), tds.done(1)]);
    const noSnapshot = Buffer.concat([
      tds.errorToken(3952, 'Snapshot isolation … not allowed'),
      tds.doneWithError(),
    ]);
    const answers = [result, noSnapshot, result];
    const peer = await start({
      answer: (sql) => {
        if (sql.includes('EngineEdition')) return WITH_SNAPSHOTS;
        return sql.startsWith('SELECT n') ? answers.shift() : undefined;
      },
    });
    const source = await peer.open();
    expect((await readAll(source, 'SELECT n FROM t')).rows).toEqual([['1']]);
    expect((await readAll(source, 'SELECT n FROM other.dbo.t')).rows).toEqual([['1']]);
    const levels = peer.heard.flatMap((sql) => /LEVEL (.*);/.exec(sql)?.[1] ?? []);
    expect(levels).toEqual(['SNAPSHOT', 'SNAPSHOT', 'READ COMMITTED']);
    await source.close();
  });
});

describe('the clock', () => {
  const texts = (...values: readonly (string | null)[]) =>
    Buffer.concat([
      tds.columns(values.map((_, at) => [`v${at}`, varchar(20)])),
      tds.compressedRow(...values.map((value) => (value === null ? null : tds.inShort(Buffer.from(value))))),
      tds.done(1),
    ]);

  const clockOf = async (reach: Buffer) => {
    const answer = (sql: string) =>
      sql.includes('SYSUTCDATETIME')
        ? texts('1782907200123', 'READ_ONLY')
        : sql.includes('replica_states')
          ? reach
          : undefined;
    const source = await (await start({ answer })).open();
    try {
      return await source.clock();
    } finally {
      await source.close();
    }
  };

  test('of a readable secondary says how far its data reaches, and never beyond now', async () => {
    expect(await clockOf(texts('1782907100500'))).toBe(1_782_907_099_999);
    expect(await clockOf(texts('1782910000500'))).toBe(1_782_907_200_123);
  });

  test('of a database that does not change, or whose state the user may not see, is the server’s', async () => {
    const none = Buffer.concat([tds.columns([['v0', varchar(20)]]), tds.done(0)]);
    const denied = Buffer.concat([
      tds.errorToken(300, 'VIEW SERVER STATE permission was denied'),
      tds.doneWithError(),
    ]);
    for (const reach of [none, denied]) expect(await clockOf(reach)).toBe(1_782_907_200_123);
  });

  test('of a secondary that does not know is not read, to be tried again', async () => {
    const failure = await failureOf(clockOf(texts(null)));
    expect(failure.code).toBe('source_busy');
    expect(failure.message).toMatch(/readable secondary that does not say how far its data reaches/);
  });
});

describe('a login', () => {
  const refused = (...errors: readonly (readonly [number, string])[]): Behaviour => ({
    login: Buffer.concat([
      ...errors.map(([code, words]) => tds.errorToken(code, words, 14)),
      tds.doneWithError(),
    ]),
  });

  const refusals: [FailureCode, RegExp, Behaviour][] = [
    [
      'source_login_refused',
      /user rowcast was refused.*secret reader.*Login failed.*18456/,
      refused([18456, 'Login failed']),
    ],
    [
      'source_database_missing',
      /no database shop.*4060/,
      refused([4060, 'Cannot open database'], [18456, 'Login failed']),
    ],
    ['source_permission_denied', /may not use the database shop.*916/, refused([916, 'not able to access'])],
    ['source_busy', /takes no more connections now.*10928/, refused([10928, 'Resource ID : 1'])],
    ['source_connection_lost', /starting or stopping.*18401/, refused([18401, 'script upgrade mode'])],
    ['source_tls_failed', /takes no connections without TLS; set `tls: verify`/, { encryption: 3 }],
  ];

  test.each(refusals)('that fails is %s, and says so: %s', async (code, words, behaviour) => {
    const peer = await start(behaviour);
    const failure = await failureOf(peer.open());
    expect({ code: failure.code, message: failure.message }).toEqual({
      code,
      message: expect.stringMatching(words) as string,
    });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(PASSWORD);
  });

  test('to a server without TLS is not made where TLS is wanted, so that no password crosses the wire', async () => {
    const peer = await start({ encryption: 2 });
    for (const tls of ['verify', 'require'] as const) {
      expect((await failureOf(peer.open({ tls }))).message).toMatch(/does not offer TLS.*`tls: off`/);
    }
    expect(peer.heard).toEqual([]);
  });
});
