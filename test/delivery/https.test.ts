import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { selfSigned } from './certificate.ts';
import { callOf, callOfBytes, messageIdOf, openRoom, rows } from './room.ts';

/* Destinations speak TLS; most other tests here do not, since a receiver's certificate has to be trusted first. */

test('a destination over TLS gets every call once and in order, large batches over the same connection', async () => {
  const tls = selfSigned();
  const trusted = getCACertificates();
  setDefaultCACertificates([...trusted, tls.cert]);
  try {
    await using room = await openRoom({ receiver: { tls } });
    const many = 400;
    await room.stage(
      rows(1, many).map((row) => (row % 2 === 0 ? callOf(row) : callOfBytes(row, 10_000))),
      rows(many + 1, many + 50).map((row) => callOf(row)),
    );
    const { position, done } = await room.deliver();
    expect(done).toBe(true);
    expect(position).toMatchObject({ delivered: many + 50, failed: 0 });
    expect(room.receiver.log.calls.map(({ messageId }) => messageId)).toEqual(
      rows(1, many + 50).map(messageIdOf),
    );
    expect(room.receiver.log.stats()).toMatchObject({ violations: [] });
    expect(room.receiver.log.batches.length).toBeGreaterThan(4);
    expect(room.receiver.connections).toBe(1);
  } finally {
    setDefaultCACertificates(trusted);
  }
});
