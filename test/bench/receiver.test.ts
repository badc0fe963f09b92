import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Receiver } from '../../bench/received.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver.stop());
beforeEach(() => receiver.forget());

const idsOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_none, at) => `01ARZ3NDEKTSV4RRFF${String(from + at).padStart(8, '0')}`);

async function post(ids: readonly string[]): Promise<void> {
  const batch = ids.map((messageId) => ({ messageId, type: 'identify', userId: '1', traits: {} }));
  const response = await fetch(`${receiver.url}/v1/batch`, {
    method: 'POST',
    body: JSON.stringify({ batch }),
  });
  await response.text();
}

test('the receiver of the bench counts every call, and every id once', async () => {
  for (let from = 0; from < 50_000; from += 1_000) await post(idsOf(from, from + 1_000));
  expect(await receiver.counts()).toMatchObject({ requests: 50, calls: 50_000, distinct: 50_000 });
});

test('calls that come twice are not taken for others that were lost', async () => {
  await post(idsOf(0, 1_000));
  await post(idsOf(999, 1_999));
  expect(await receiver.counts()).toMatchObject({ calls: 2_000, distinct: 1_999 });
});

test('ids are told apart by their last letter, and by their length', async () => {
  await post(['a', 'b', 'aa', 'ab', 'ba', 'a']);
  expect(await receiver.counts()).toMatchObject({ calls: 6, distinct: 5 });
});

test('what came before is forgotten', async () => {
  await post(idsOf(0, 10));
  await receiver.forget();
  expect(await receiver.counts()).toEqual({ requests: 0, calls: 0, bytes: 0, distinct: 0 });
  expect(await receiver.ends()).toEqual([null, null]);
});

test('what is posted to warm up is answered, and not counted', async () => {
  const body = JSON.stringify({ batch: [{ messageId: 'a' }] });
  const response = await fetch(`${receiver.url}/warm-up`, { method: 'POST', body });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ success: true });
  expect(await receiver.counts()).toMatchObject({ requests: 0, calls: 0 });
});
