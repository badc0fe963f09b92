import type { MappedCall } from '../../mapping/mapper.ts';
import type { Staged, StagingOptions } from '../../storage/staging.ts';
import { Staging } from '../../storage/staging.ts';
import { stagedCalls } from '../../storage/stagedCalls.ts';
import type { Storage } from '../../storage/storage.ts';
import { Digester } from '../../storage/digester.ts';
import { Memory } from '../../storage/memory.ts';

export interface CallFields {
  readonly messageId?: string;
  readonly repeatable?: boolean;
  readonly context?: unknown;
  readonly traits?: unknown;
}

/** A call of a person as mapping writes it. */
export function callOf(person: string, fields: CallFields = {}): MappedCall {
  const { messageId = '01JSTAGED00000000000000000', repeatable = true, context, traits = {} } = fields;
  const shared = context === undefined ? '' : `"context":${JSON.stringify(context)},`;
  const rest = JSON.stringify({ messageId, type: 'identify', userId: person, traits }).slice(1);
  return {
    ok: true,
    json: `{${shared}${rest}`,
    sharedBytes: Buffer.byteLength(shared),
    messageId,
    repeatable,
    person,
  };
}

/** A call as it stands in a chunk, as text. */
export interface ReadCall {
  readonly row: number;
  readonly json: string;
  readonly shared: string;
  readonly end: number;
}

/** The calls of a chunk of so many from an offset on, which is where these bytes of it begin. */
export function callsIn(chunk: Buffer, rows: number, offset = 0): ReadCall[] {
  const calls = stagedCalls(chunk, { rows, offset });
  return [...calls].map(({ row, json, shared }, index) => ({
    row,
    json: String(json),
    shared: String(shared),
    end: calls.end(index),
  }));
}

/** The calls of each lane, in the order in which they would be delivered. */
export async function callsOf(storage: Storage, { lanes }: Pick<Staged, 'lanes'>): Promise<ReadCall[][]> {
  return Promise.all(
    lanes.map(async (chunks) => {
      const read = chunks.map(async ({ key, rows }) => callsIn((await storage.get(key))!, rows));
      return (await Promise.all(read)).flat();
    }),
  );
}

/** Stages calls as rows from 1 on, a page at a time. */
export async function stage(
  calls: readonly MappedCall[],
  options: Partial<StagingOptions> & Pick<StagingOptions, 'storage'>,
  pageRows = 100,
): Promise<Staged> {
  const staging = new Staging({
    folder: 'runs/people/run/attempt',
    lanes: 4,
    chunkBytes: 10_000,
    memory: new Memory(),
    digester: new Digester(),
    digestPrefix: '[]',
    ...options,
  });
  for (const [index, call] of calls.entries()) {
    staging.add(index + 1, call);
    if ((index + 1) % pageRows === 0) await staging.flush();
  }
  return await staging.finish();
}
