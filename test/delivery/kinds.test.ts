import { describe, expect, test } from 'vitest';
import { DestinationDefinition } from '../../definitions/destination.ts';
import { destinationProfile } from '../../delivery/destination.ts';
import { bodyOf, callOf, callOfBytes, messageIdOf, openRoom, rows, WRITE_KEY } from './room.ts';
import type { Room } from './room.ts';
import type { MappedCall } from '../../mapping/mapper.ts';

/* What the kinds of destinations differ in, each against a receiver that behaves like its API. */

const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);
const sizes = ({ receiver }: Room) => receiver.log.batches.map(({ bytes }) => bytes);
const counts = ({ receiver }: Room) => receiver.log.batches.map(({ messageIds }) => messageIds.length);
const ids = (from: number, to: number) => rows(from, to).map(messageIdOf);

const SEGMENT = { destination: { kind: 'segment' }, receiver: { api: 'segment' } } as const;
/** Calls that fill a batch to its last byte, and one that needs another batch. */
function callsOverBytes(batchBytes: number): MappedCall[] {
  const count = Math.ceil(batchBytes / 31_000);
  const left = batchBytes - bodyOf([]).length - (count - 1);
  const each = Math.floor(left / count);
  const calls = rows(1, count - 1).map((row) => callOfBytes(row, each));
  return [...calls, callOfBytes(count, left - each * (count - 1)), callOf(count + 1)];
}

const RUDDERSTACK = { destination: { kind: 'rudderstack' }, receiver: { api: 'rudderstack' } } as const;

describe('Segment', () => {
  test.each([
    ['us', 'https://api.segment.io/v1/batch'],
    ['eu', 'https://events.eu1.segmentapis.com/v1/batch'],
  ])('has its endpoint in the region %s', (region, url) => {
    const writeKey = { secret: 'key' };
    const definition = DestinationDefinition.parse({ name: 'cdp', kind: 'segment', region, writeKey });
    expect(destinationProfile(definition).batchUrl).toBe(url);
  });

  test('gets batches of 2,500 calls and not of 2,501, which it would drop', async () => {
    await using room = await openRoom(SEGMENT);
    await room.stage(rows(1, 2_501).map((row) => callOf(row)));
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 2_501, failed: 0 });
    expect(counts(room)).toEqual([2_500, 1]);
    expect(room.receiver.log.stats()).toMatchObject({ distinct: 2_501, dropped: 0 });
  });

  test('gets batches of 500 KB to the last byte', async () => {
    await using room = await openRoom(SEGMENT);
    const calls = callsOverBytes(500_000);
    await room.stage(calls);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: calls.length, failed: 0 });
    expect(sizes(room)[0]).toBe(500_000);
    expect(counts(room)).toEqual([calls.length - 1, 1]);
    expect(room.receiver.log.stats()).toMatchObject({ dropped: 0 });
  });

  test('never gets a call of more than 32 KB, which is listed', async () => {
    await using room = await openRoom(SEGMENT);
    await room.stage([callOfBytes(1, 32_001), callOfBytes(2, 32_000)]);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 1, failed: 1, refused: 0 });
    expect(await room.failedRows(position)).toMatchObject([{ row: 1, code: 'call_too_large' }]);
    expect(received(room)).toEqual(ids(2, 2));
    expect(room.receiver.log.stats()).toMatchObject({ dropped: 0 });
  });

  test("gets calls of different contexts in one batch, since a context there is its call's alone", async () => {
    await using room = await openRoom(SEGMENT);
    await room.stage(rows(1, 10).map((row) => callOf(row, { context: { ip: `10.0.0.${row}` } })));
    await room.deliver();
    expect(counts(room)).toEqual([10]);
    expect(room.receiver.log.batches[0]?.shared).toEqual({});
  });
});

describe('RudderStack', () => {
  test('gets batches of 4,000 KB to the last byte', async () => {
    await using room = await openRoom(RUDDERSTACK);
    const calls = callsOverBytes(4_000_000);
    await room.stage(calls);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: calls.length, failed: 0 });
    expect(sizes(room)[0]).toBe(4_000_000);
    expect(counts(room)).toEqual([calls.length - 1, 1]);
  });

  test('that answers in plain text is quoted so: a wrong write key, and a source that is disabled', async () => {
    await using wrong = await openRoom({
      ...RUDDERSTACK,
      receiver: { api: 'rudderstack', writeKey: 'other' },
    });
    await wrong.stage([callOf(1)]);
    await expect(wrong.deliver()).rejects.toMatchObject({
      code: 'destination_refused',
      message: expect.stringContaining('HTTP 401: the write key is wrong. Check its write key.') as string,
    });
    await using disabled = await openRoom(RUDDERSTACK);
    disabled.receiver.misbehave({ kind: 'answer', status: 404, body: `Source is disabled: ${WRITE_KEY}\n` });
    await disabled.stage([callOf(1)]);
    await expect(disabled.deliver()).rejects.toMatchObject({
      code: 'destination_refused',
      message: expect.stringMatching(
        /HTTP 404: Source is disabled: \[secret\]\. .*the source of the write key is enabled/,
      ) as string,
    });
  });

  test('that takes no empty batch is found to be there all the same when it is tried out', async () => {
    await using room = await openRoom(RUDDERSTACK);
    expect(await room.sender.greet(new AbortController().signal)).toEqual({
      kind: 'rejected',
      words: 'HTTP 400: the batch is empty',
    });
  });

  test('refuses a whole batch for one call without naming it; the one is found, the others arrive in order', async () => {
    await using room = await openRoom(RUDDERSTACK);
    // A group without a person, which it does not take.
    const bad = callOf(700);
    const json = JSON.stringify({ messageId: messageIdOf(700), type: 'group', groupId: 'g', traits: {} });
    await room.stage(rows(1, 1_000).map((row) => (row === 700 ? { ...bad, json } : callOf(row))));
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 999, failed: 1, refused: 1 });
    expect(received(room)).toEqual([...ids(1, 699), ...ids(701, 1_000)]);
    expect(await room.failedRows(position)).toMatchObject([
      { row: 700, message: expect.stringContaining('HTTP 400') as string },
    ]);
  });

  test('that is too busy, and does not say until when, is tried again', async () => {
    await using room = await openRoom(RUDDERSTACK);
    room.receiver.misbehave({ kind: 'answer', status: 429, body: 'too many requests', times: 2 });
    await room.stage(rows(1, 5).map((row) => callOf(row)));
    expect((await room.deliver()).position).toMatchObject({ delivered: 5, failed: 0 });
  });

  test('takes calls as large as its setting says', async () => {
    await using room = await openRoom({
      ...RUDDERSTACK,
      destination: { kind: 'rudderstack', callBytesMax: 1_000 },
    });
    await room.stage([callOf(1, { note: 'x'.repeat(1_000) }), callOf(2)]);
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 1, failed: 1, refused: 0 });
  });
});

describe('an http destination', () => {
  test("gets the user's own headers, secret ones too, beside the authorization", async () => {
    const headers = { 'X-Env': 'prod', 'X-Api-Key': { secret: 'gateway-key' } };
    await using room = await openRoom({ destination: { kind: 'http', headers } });
    await room.stage([callOf(1)]);
    await room.deliver();
    expect(room.receiver.log.batches[0]?.headers).toMatchObject({
      'x-env': 'prod',
      'x-api-key': 'value of {"secret":"gateway-key"}',
      authorization: expect.stringMatching(/^Basic /) as string,
      'content-type': 'application/json',
    });
  });
});
