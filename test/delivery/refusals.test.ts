import { describe, expect, test } from 'vitest';
import type { RowcastError } from '../../errors.ts';
import type { Fault } from '../../dev/receiver/fault.ts';
import { selfSigned } from './certificate.ts';
import { callOf, messageIdOf, openRoom, rows, WRITE_KEY } from './room.ts';
import type { Room } from './room.ts';

/* What a destination will not take: some calls, all calls, or anything from us. */

const calls = (from: number, to: number) => rows(from, to).map((row) => callOf(row));
const received = ({ receiver }: Room) => receiver.log.calls.map(({ messageId }) => messageId);
const idsBut = (to: number, ...bad: number[]) =>
  rows(1, to)
    .filter((row) => !bad.includes(row))
    .map(messageIdOf);

async function failureOf(delivery: Promise<unknown>): Promise<RowcastError> {
  return delivery.then(
    () => expect.fail('the delivery came to its end'),
    (error: unknown) => error as RowcastError,
  );
}

/** Every form in which a key could be read out of a text. */
function expectNoSecret(text: string): void {
  const basic = Buffer.from(`${WRITE_KEY}:`).toString('base64');
  for (const form of [WRITE_KEY, encodeURIComponent(WRITE_KEY), basic, basic.replace(/=+$/, '')]) {
    expect(text).not.toContain(form);
  }
}

describe('a batch in which some calls are bad', () => {
  test('is halved until the one among hundreds stands alone; the others arrive once, in order', async () => {
    await using room = await openRoom();
    await room.stage(calls(1, 300), calls(301, 400));
    room.receiver.misbehave({ kind: 'dislike', users: ['u137'], words: 'the email is not one' });
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 399, failed: 1 });
    expect(received(room)).toEqual(idsBut(400, 137));
    expect(room.receiver.log.stats().received).toBe(399);
    const failed = await room.failedRows(position);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ row: 137, code: 'refused_by_destination' });
    expect(failed[0]?.message).toContain('the email is not one');
  });

  test('is tried left before right, so that order holds whichever calls are bad', async () => {
    await using room = await openRoom();
    await room.stage(calls(1, 16));
    room.receiver.misbehave({ kind: 'dislike', users: ['u1', 'u6', 'u7', 'u16'] });
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 12, failed: 4 });
    expect(received(room)).toEqual(idsBut(16, 1, 6, 7, 16));
    const firstTries = room.receiver.log.batches.map(({ messageIds }) => messageIds[0] ?? '');
    expect(firstTries).toEqual(firstTries.toSorted());
    expect((await room.failedRows(position)).map(({ row }) => row)).toEqual([1, 6, 7, 16]);
  });

  test('is halved while it is too large for the destination, and everything arrives', async () => {
    await using room = await openRoom({ profile: { batchBytesMax: 2_000_000 } });
    await room.stage(rows(1, 60).map((row) => callOf(row, { note: 'x'.repeat(20_000) })));
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 60, failed: 0 });
    expect(received(room)).toEqual(idsBut(60));
    expect(room.receiver.requests).toBeGreaterThan(2);
  });

  test('is halved through trouble in between, and the order holds', async () => {
    await using room = await openRoom();
    await room.stage(calls(1, 40));
    room.receiver.misbehave(
      { kind: 'dislike', users: ['u9', 'u31'], times: 2 },
      { kind: 'reset', times: 1 },
      { kind: 'answer', status: 503, times: 1, afterTaking: false },
      { kind: 'dislike', users: ['u9', 'u31'] },
    );
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 38, failed: 2 });
    expect(received(room)).toEqual(idsBut(40, 9, 31));
  });

  test('that the destination answers with 200 and a list of them costs those rows and no further request', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 20));
    room.receiver.misbehave({ kind: 'partial', users: ['u4', 'u20'], words: 'no such plan' });
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 18, failed: 2 });
    expect(received(room)).toEqual(idsBut(20, 4, 20));
    expect(room.receiver.requests).toBe(1);
    const failed = await room.failedRows(position);
    expect(failed.map(({ row, message }) => [row, message.includes('no such plan')])).toEqual([
      [4, true],
      [20, true],
    ]);
  });

  test('that it answers with 200 without saying which are found by halving, and the others count once', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 20));
    room.receiver.misbehave({ kind: 'partial', users: ['u4', 'u20'], words: 'no such plan', unnamed: true });
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 18, failed: 2 });
    expect(received(room)).toEqual(idsBut(20, 4, 20));
    expect(room.receiver.log.stats()).toMatchObject({ distinct: 18, violations: [] });
    expect((await room.failedRows(position)).map(({ row }) => row)).toEqual([4, 20]);
  });

  test('that it lists at length are all found, however long the list is', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 900));
    const users = rows(2, 900).map((row) => `u${row}`);
    room.receiver.misbehave({ kind: 'partial', users, words: 'it is wrong '.repeat(200) });
    const { position } = await room.deliver();
    expect(position).toMatchObject({ delivered: 1, failed: 899 });
    expect(received(room)).toEqual([messageIdOf(1)]);
  });
});

describe('a destination that refuses every call', () => {
  test('is found out after 200 refusals, and the calls refused so far are listed', async () => {
    await using room = await openRoom();
    await room.stage(calls(1, 2_000));
    room.receiver.misbehave({ kind: 'dislike', users: ['*'], words: 'unknown type' });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_rejects_everything');
    expect(failure.message).toContain('unknown type');
    expect(room.receiver.requests).toBeLessThan(500);
    const position = room.positions.at(-1)!;
    expect(position).toMatchObject({ delivered: 0, failed: 200 });
    expect((await room.failedRows(position)).map(({ row }) => row)).toEqual(rows(1, 200));
  });

  test('is found out across batches, and across deliveries', async () => {
    await using room = await openRoom({ profile: { batchCallsMax: 30 } });
    await room.stage(calls(1, 150), calls(151, 400));
    room.receiver.misbehave({ kind: 'dislike', users: ['*'] });
    const first = await room.deliver({ untilMs: 0 });
    expect(first.position).toMatchObject({ delivered: 0, failed: 30 });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_rejects_everything');
    expect(room.positions.at(-1)).toMatchObject({ delivered: 0, failed: 200 });
  });

  test('is found out where it answers 200 and lists every call', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 400));
    room.receiver.misbehave({ kind: 'partial', users: ['*'] });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_rejects_everything');
    expect(room.receiver.requests).toBe(1);
  });

  test('is not one that accepted a single call', async () => {
    await using room = await openRoom();
    await room.stage(calls(1, 300));
    const users = rows(2, 300).map((row) => `u${row}`);
    room.receiver.misbehave({ kind: 'dislike', users });
    const { position, done } = await room.deliver();
    expect(done).toBe(true);
    expect(position).toMatchObject({ delivered: 1, failed: 299 });
    expect(received(room)).toEqual([messageIdOf(1)]);
  });
});

describe('a destination that takes nothing from us', () => {
  test.each([
    [401, 'Check its write key'],
    [402, 'plan or its bill'],
    [403, 'rights of its account'],
    [404, 'Check its `url` and `region`'],
    [405, 'See what it says'],
    [422, 'See what it says'],
  ])('with %i stops at once with its words and what to do', async (status, advice) => {
    await using room = await openRoom();
    await room.stage(calls(1, 10));
    room.receiver.misbehave({ kind: 'answer', status, body: 'not for you' });
    const failure = await failureOf(room.deliver());
    expect(failure).toMatchObject({ code: 'destination_refused', retryable: false });
    expect(failure.message).toContain(`HTTP ${status}: not for you`);
    expect(failure.message).toContain(advice);
    expect(failure.message).toContain('shop-cdp');
    expect(room.receiver.requests).toBe(1);
    expect(room.positions).toEqual([]);
  });

  test('with a wrong write key is told so by the receiver itself', async () => {
    await using room = await openRoom({ receiver: { writeKey: 'another' } });
    await room.stage(calls(1, 2));
    const failure = await failureOf(room.deliver());
    expect(failure.message).toContain('the write key is wrong');
    expect(received(room)).toEqual([]);
  });

  test('by a redirect is not followed elsewhere with the key', async () => {
    await using elsewhere = await openRoom();
    await using room = await openRoom();
    await room.stage(calls(1, 2));
    const location = `${elsewhere.receiver.url}/batch`;
    room.receiver.misbehave({ kind: 'answer', status: 308, headers: { location } });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_refused');
    expect(failure.message).toContain('give the final URL');
    expect(elsewhere.receiver.requests).toBe(0);
  });

  test('because its certificate is not trusted is told what to install, and sees no call', async () => {
    await using room = await openRoom({ receiver: { tls: selfSigned() } });
    await room.stage(calls(1, 2));
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_refused');
    expect(failure.message).toContain('its certificate is not trusted (self-signed certificate');
    expect(failure.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(room.receiver.requests).toBe(0);
  });

  test('because a web page answers in its place is told to check the URL', async () => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 2));
    room.receiver.misbehave({ kind: 'answer', status: 200, body: '<!DOCTYPE html>\n<html>Sign in</html>' });
    const failure = await failureOf(room.deliver());
    expect(failure.code).toBe('destination_refused');
    expect(failure.message).toContain('a web page');
  });
});

describe('the write key', () => {
  const basic = Buffer.from(`${WRITE_KEY}:`).toString('base64');
  const asPhpWrites = (text: string) => text.replaceAll('/', '\\/');
  const asDotNetWrites = (text: string) => text.replaceAll('+', '\\u002B').replaceAll('/', '\\u002f');
  const echoes: [string, Fault][] = [
    ['the header', { kind: 'answer', status: 401, body: 'no entry for $AUTHORIZATION' }],
    [
      'the header as JSON',
      { kind: 'answer', status: 401, body: '{"sent":{"authorization":"$AUTHORIZATION"}}' },
    ],
    ['the key', { kind: 'answer', status: 403, body: `the key ${WRITE_KEY} is blocked` }],
    ['the key in a URL', { kind: 'answer', status: 404, body: `/keys/${encodeURIComponent(WRITE_KEY)}` }],
    ['the header in trouble', { kind: 'answer', status: 500, body: 'no luck with $AUTHORIZATION' }],
    [
      'the key with escaped slashes',
      { kind: 'answer', status: 401, body: asPhpWrites(`{"key":"${WRITE_KEY}"}`) },
    ],
    ['the key in codes', { kind: 'answer', status: 401, body: asDotNetWrites(`{"key":"${WRITE_KEY}"}`) }],
  ];
  test.each(echoes)('is in no message where the destination echoes %s', async (_name, fault) => {
    await using room = await openRoom({ retryBudgetMs: 0 });
    await room.stage(calls(1, 2));
    room.receiver.misbehave(fault);
    const failure = await failureOf(room.deliver());
    expect(failure.message).toContain('[secret]');
    expectNoSecret(failure.message);
    expectNoSecret(String(failure.stack));
    expectNoSecret(JSON.stringify(failure));
  });

  test.each([
    ['as it is', (text: string) => text],
    ['with escaped slashes', asPhpWrites],
    ['in codes', asDotNetWrites],
  ])('is in no error of a row where the destination echoes it %s', async (_name, written) => {
    await using room = await openRoom({ destination: { kind: 'http' } });
    await room.stage(calls(1, 3));
    const message = `${'x'.repeat(480)} ${WRITE_KEY} Basic ${basic}`;
    const body = written(JSON.stringify({ ok: false, errors: [{ index: 1, message }] }));
    room.receiver.misbehave({ kind: 'answer', status: 200, body });
    const { position } = await room.deliver();
    const [failed] = await room.failedRows(position);
    expect(failed?.row).toBe(2);
    expect(failed?.message).toContain('[secret]');
    expectNoSecret(JSON.stringify(failed));
    expect(JSON.stringify(failed)).not.toContain(WRITE_KEY.slice(0, 10));
  });
});
