import type { EncodedCall } from '../../mapping/encodedMapper.ts';
import type { MappedCall } from '../../mapping/mapper.ts';
import { Memory } from '../../storage/memory.ts';
import { OpenChunk } from '../../storage/openChunk.ts';
import { stagedCalls } from '../../storage/stagedCalls.ts';
import type { StagedCalls } from '../../storage/stagedCalls.ts';

/** A chunk of calls as staging writes it. @param firstRow the row of the first one; those of the others follow it. */
export function chunkOf(
  calls: readonly (MappedCall | EncodedCall)[],
  { firstRow = 1, memory = new Memory() } = {},
): Buffer {
  const chunk = new OpenChunk(0, memory, 1_000);
  for (const [index, call] of calls.entries()) {
    if ('json' in call) chunk.append(firstRow + index, call);
    else chunk.appendEncoded(firstRow + index, call);
  }
  chunk.close();
  return chunk.body;
}

/** The calls of such a chunk. */
export function stagedOf(calls: readonly MappedCall[], firstRow = 1): StagedCalls {
  return stagedCalls(chunkOf(calls, { firstRow }), { rows: calls.length });
}
