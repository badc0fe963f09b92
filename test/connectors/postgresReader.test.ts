import { EventEmitter, once } from 'node:events';
import { createServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { PortalReader } from '../../connectors/postgres/reader.ts';
import { RowConnection } from '../../connectors/postgres/rowConnection.ts';

/* How rows come out of PostgreSQL's protocol, however the network cuts it. */

function message(letter: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(letter), length, body]);
}

/** A DataRow of one column. */
function row(value: string): Buffer {
  const head = Buffer.alloc(6);
  head.writeInt16BE(1);
  head.writeInt32BE(value.length, 2);
  return message('D', Buffer.concat([head, Buffer.from(value)]));
}

const SUSPENDED = message('s', Buffer.alloc(0));
const COMPLETE = message('C', Buffer.from('SELECT 7\0'));

/** A connection to nowhere: what is asked of the server is counted, and what it says is up to the test. */
function fakeServer() {
  const socket = Object.assign(new EventEmitter(), {
    ...{ writable: false, setNoDelay: () => undefined },
    ...{ pause: () => undefined, resume: () => undefined },
  });
  const connection = new RowConnection({ stream: socket } as unknown as pg.ConnectionConfig);
  connection.attachListeners(socket);
  let executed = 0;
  connection.execute = () => void (executed += 1);
  return { connection, says: (bytes: Buffer) => socket.emit('data', bytes), executed: () => executed };
}

test('rows and other messages come whole and in order, wherever the network cuts them', () => {
  const said = [row('a'), row('bc'), SUSPENDED, row(''), row('d'.repeat(300)), COMPLETE, row('e')];
  const bytes = Buffer.concat(said);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const { connection, says } = fakeServer();
      const heard: string[] = [];
      connection.takeRows = (block, rows) => heard.push(...Array<string>(rows).fill('row'), String(block));
      for (const name of ['portalSuspended', 'commandComplete']) connection.on(name, () => heard.push(name));
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      for (const [index, from] of places.entries()) says(bytes.subarray(from, places[index + 1]));
      const blocks = heard.filter((each) => each.startsWith('D')).join('');
      expect(blocks).toBe(String(Buffer.concat(said.filter((each) => each[0] === 0x44))));
      const order = heard.filter((each) => !each.startsWith('D'));
      expect(order).toEqual(['row', 'row', 'portalSuspended', 'row', 'row', 'commandComplete', 'row']);
    }),
  );
});

test('rows of any size come whole from a socket that reads into the same memory again and again', async () => {
  const rows = Array.from({ length: 40 }, (_none, at) =>
    row(String(at).repeat(at % 10 === 0 ? 400_000 : at)),
  );
  const said = Buffer.concat(rows);
  await using server = createServer((socket) => socket.end(said)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = new RowConnection({ ssl: false });
  const blocks: Buffer[] = [];
  connection.takeRows = (block) => blocks.push(Buffer.from(block));
  const { stream } = connection;
  if (!(stream instanceof Socket)) throw new Error('it reads from no socket of its own');
  connection.attachListeners(stream);
  stream.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(stream, 'close');
  expect(Buffer.concat(blocks).equals(said)).toBe(true);
});

test('a page stands while the next one comes', async () => {
  const { connection, says } = fakeServer();
  const reader = new PortalReader('SELECT x');
  connection.on('portalSuspended', () => reader.handlePortalSuspended());
  reader.submit(connection);
  reader.handleRowDescription({ fields: [] });
  const pages = ['one', 'two', 'three'].map((value) => row(value));
  let asked = reader.read(1);
  for (const [at, page] of pages.entries()) {
    if (at === 0) says(Buffer.concat([page, SUSPENDED]));
    const { bytes } = await asked;
    says(Buffer.concat([pages[at + 1] ?? row('end'), SUSPENDED]));
    expect(bytes).toEqual(page);
    asked = reader.read(1);
  }
});

test('a page that is full with the last row that was asked for is not the end of the result', async () => {
  const { connection, says } = fakeServer();
  const reader = new PortalReader('SELECT x');
  connection.on('portalSuspended', () => reader.handlePortalSuspended());
  connection.on('commandComplete', () => reader.handleCommandComplete());
  reader.submit(connection);
  reader.handleRowDescription({ fields: [] });
  const heavy = row('x'.repeat(2 * 1_024 * 1_024));
  for (const rows of [1, 1, 1]) {
    const page = reader.read(1);
    says(heavy);
    expect((await page).rows).toBe(rows);
    // What the server says after the row comes only once the next page is waited for.
    setImmediate(() => says(SUSPENDED));
  }
  const last = reader.read(1);
  setImmediate(() => setImmediate(() => says(Buffer.concat([row('x'), COMPLETE]))));
  expect((await last).rows).toBe(1);
  expect((await reader.read(1)).rows).toBe(0);
});

test('the server is at work on the next page while one is worked on, and on no more than that', async () => {
  const { connection, says, executed } = fakeServer();
  const reader = new PortalReader('SELECT x');
  connection.on('portalSuspended', () => reader.handlePortalSuspended());
  reader.submit(connection);
  reader.handleRowDescription({ fields: [] });
  const page = () => says(Buffer.concat([row('a'), row('b'), SUSPENDED]));
  const first = reader.read(2);
  page();
  expect((await first).rows).toBe(2);
  expect(executed()).toBe(1);
  const second = reader.read(2);
  page();
  expect((await second).rows).toBe(2);
  expect(executed()).toBe(3);
  page();
  expect(executed()).toBe(3);
  expect((await reader.read(2)).rows).toBe(2);
  expect(executed()).toBe(4);
});
