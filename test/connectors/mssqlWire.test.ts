import { afterEach, describe, expect, test } from 'vitest';
import type { Source } from '../../connectors/source.ts';
import { readInChild } from './readInChild.ts';
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
    const { peer, source } = await open(() => undefined, { isDeaf: true });
    const abort = new AbortController();
    const answer = source.query(request('SELECT n FROM t', { signal: abort.signal }));
    answer.catch(() => undefined);
    await until(() => Promise.resolve(peer.heard.includes('SELECT n FROM t')));
    abort.abort(new Error('the run was cancelled'));
    await expect(answer).rejects.toThrow('the run was cancelled');
    expect(peer.heard.at(-1)).toBe('attention');
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

describe('memory and zone', () => {
  /** Sends rows as fast as they are taken, and then the end. */
  function pump(wire: Wire, described: Buffer, chunk: Buffer, chunks: number, rows: number): void {
    const { socket } = wire;
    let left = chunks;
    const more = () => {
      while (left > 0 && !socket.writableNeedDrain) {
        wire.send(chunk, { isLast: false });
        left -= 1;
      }
      if (left > 0) return void socket.once('drain', more);
      wire.send(tds.done(rows));
    };
    wire.send(described, { isLast: false });
    more();
  }

  test('hundreds of thousands of rows, and rows of 100 KB, are read within forty megabytes of heap', async () => {
    const pad = tds.inParts(Buffer.alloc(100_000, 'x'), 8_000);
    const light = Buffer.concat([
      tds.u32(7),
      tds.inByte(tds.hex('01 6e000000')),
      tds.inShort(Buffer.alloc(100, 'x')),
    ]);
    const described = tds.columns([
      ['n', tds.u8(0x38)],
      ['amount', tds.u8(0x6c, 5, 9, 2)],
      ['pad', varchar(100)],
    ]);
    const results = [
      { described, row: light, rows: 300_000, chunkRows: 1_000 },
      { described: tds.columns([['pad', varchar(0xffff)]]), row: pad, rows: 1_000, chunkRows: 10 },
    ];
    for (const { described: columns, row, rows, chunkRows } of results) {
      const chunk = Buffer.concat(Array.from({ length: chunkRows }, () => tds.row(row)));
      const peer = await start({
        answer: (sql) =>
          sql === 'SELECT n' ? (wire) => pump(wire, columns, chunk, rows / chunkRows, rows) : undefined,
      });
      const task = { config: peer.config(), password: PASSWORD, sql: 'SELECT n' };
      expect((await readInChild(task, ['--max-old-space-size=40'])).rows).toBe(rows);
    }
  });

  test('the time zone of the worker changes no value', async () => {
    const described = tds.columns([
      ['a', tds.u8(0x28)],
      ['b', tds.u8(0x2a, 0)],
      ['c', tds.u8(0x2b, 3)],
      ['d', tds.u8(0x6f, 8)],
    ]);
    const values = ['dab937', '7f5101 dab937', '9b418e01 3e490b 3c00', '462effff 02000000'];
    const row = tds.row(...values.map((digits) => tds.inByte(tds.hex(digits))));
    const result = Buffer.concat([described, row, tds.done(1)]);
    const peer = await start({ answer: (sql) => (sql === 'SELECT n' ? result : undefined) });
    for (const TZ of ['Pacific/Kiritimati', 'America/St_Johns']) {
      const task = { config: peer.config(), password: PASSWORD, sql: 'SELECT n' };
      expect((await readInChild(task, [], { TZ })).firstRow).toEqual([
        ...['9999-12-31', '9999-12-31T23:59:59', '2026-01-31T07:15:00.123Z', '1753-01-01T00:00:00.007'],
      ]);
    }
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
