import { expect } from 'vitest';
import type { Engine } from './engine.ts';

/** Runs a sync that succeeds. The calls that it sent, person by person. */
export async function sent(engine: Engine, name: string): Promise<Record<string, unknown>[]> {
  const before = engine.receiver.log.calls.length;
  expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', failed: 0 });
  const calls = engine.receiver.log.calls.slice(before);
  return calls.sort((a, b) => Number(a['userId']) - Number(b['userId']));
}
