import type { Socket } from 'node:net';

/* The packets of SQL Server's protocol. Source: MS-TDS, 2.2.3 Packet Data Types. */

export const BATCH = 1;
export const ATTENTION = 6;
export const LOGIN = 0x10;
export const PRELOGIN = 0x12;
const ANSWER = 4;
const HEADER_BYTES = 8;

/** @param isLast whether it ends its message. */
export function packet(content: Buffer, isLast: boolean): Buffer {
  const header = Buffer.from([ANSWER, isLast ? 1 : 0, 0, 0, 0, 0, 1, 0]);
  header.writeUInt16BE(HEADER_BYTES + content.length, 2);
  return Buffer.concat([header, content]);
}

/** Calls back with each message that comes whole. */
export function onMessages(socket: Socket, take: (type: number, content: Buffer) => void): void {
  let received = Buffer.alloc(0);
  let content = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEADER_BYTES && received.length >= received.readUInt16BE(2)) {
      const bytes = received.readUInt16BE(2);
      const [type = 0, state = 0] = received;
      content = Buffer.concat([content, received.subarray(HEADER_BYTES, bytes)]);
      received = received.subarray(bytes);
      if ((state & 1) === 0) continue;
      const whole = content;
      content = Buffer.alloc(0);
      take(type, whole);
    }
  });
}
