import { expect, test } from 'vitest';
import { Rate } from '../../client/rate.ts';

test('a rate is told once some seconds are known, and follows the last fifteen', () => {
  const rate = new Rate();
  expect(rate.add(0, 0)).toBeNull();
  expect(rate.add(200, 2_000)).toBeNull();
  expect(rate.add(400, 4_000)).toBe(100);
  for (let seconds = 5; seconds <= 40; seconds += 1) rate.add(400 + (seconds - 4) * 10, seconds * 1_000);
  expect(rate.add(770, 41_000)).toBeCloseTo(10);
});

test('a rate of what stands still goes to nothing, and one of what begins anew is that of the new', () => {
  const rate = new Rate();
  rate.add(0, 0);
  rate.add(1_000, 4_000);
  for (let seconds = 5; seconds <= 25; seconds += 1) rate.add(1_000, seconds * 1_000);
  expect(rate.add(1_000, 26_000)).toBe(0);
  expect(rate.add(0, 27_000)).toBeNull();
  expect(rate.add(50, 32_000)).toBe(10);
});
