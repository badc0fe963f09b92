import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { callOf, openRoom } from './room.ts';

/*
 * A destination may answer before it has read a request, and read on. The memory of a chunk is used again for the next
 * but one, whose calls must not show up in what is still on its way.
 */

const MIB = 1_024 * 1_024;

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

/** A server that answers once it has seen a request's head, and reads the rest of it only when it is told to. */
async function startHasty() {
  const sockets: Socket[] = [];
  const read: string[][] = [];
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1;
    read[index] = [];
    socket.on('error', () => undefined);
    socket.once('data', (head) => {
      read[index]?.push(String(head));
      socket.pause();
      socket.write(ANSWER);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    read,
    readOn() {
      for (const [index, socket] of sockets.entries()) {
        socket.on('data', (part) => read[index]?.push(String(part)));
        socket.resume();
      }
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('what a destination reads of a request that it has answered already is never of another one', async () => {
  const hasty = await startHasty();
  try {
    await using room = await openRoom({
      destination: { kind: 'http', url: hasty.url },
      profile: { callBytesMax: 64 * MIB, batchBytesMax: 64 * MIB },
    });
    const letters = ['a', 'b', 'c', 'd'];
    // More than the buffers of two sockets hold, each in a chunk of its own.
    await room.stage(
      ...letters.map((letter, index) => [callOf(index + 1, { note: letter.repeat(16 * MIB) })]),
    );
    expect(await room.deliver()).toMatchObject({ position: { delivered: letters.length }, done: true });
    hasty.readOn();
    await sleep(500);
    expect(hasty.read).toHaveLength(letters.length);
    for (const [index, parts] of hasty.read.entries()) {
      const [, note = ''] = parts.join('').split('"note":"');
      expect([...new Set(note)].join('')).toBe(letters[index]);
    }
  } finally {
    hasty.stop();
  }
});
