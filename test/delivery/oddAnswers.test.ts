import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bodyOf, createHttp } from '../../delivery/http.ts';
import type { Exchange } from '../../delivery/http.ts';

/* What is no answer is told in words, in time, and never waited for without end. */

/** Posts to a server that writes these bytes for an answer and closes the connection. */
async function answerOf(bytes: string, scheme = 'http'): Promise<Exchange> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = createHttp({ timeoutMs: 3_000 });
  try {
    const { port } = server.address() as AddressInfo;
    const { signal } = new AbortController();
    const url = `${scheme}://127.0.0.1:${port}/v1/batch`;
    return await http.post({
      url: new URL(url),
      headers: {},
      body: bodyOf(Buffer.from('{"batch":[]}')),
      signal,
    });
  } finally {
    http.close();
    server.close();
  }
}

describe('a destination that', () => {
  test.each([
    ['closes the connection', ''],
    [
      'wants another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n',
    ],
  ])('%s instead of an answer has given none', async (_what, bytes) => {
    expect(await answerOf(bytes)).toEqual({
      kind: 'broken',
      words: 'the connection was closed without an answer',
    });
  });

  test('breaks off in the middle of its answer has given none', async () => {
    expect(await answerOf('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"success":')).toEqual({
      kind: 'broken',
      words: 'the connection was closed in the middle of an answer',
    });
  });

  test('is written with a scheme in capitals is spoken to over TLS all the same', async () => {
    const exchange = await answerOf('no TLS', 'HTTPS');
    expect(exchange).toMatchObject({ kind: 'broken', words: expect.stringContaining('SSL') as string });
  });
});
