import type { Column, Row } from '../connectors/source.ts';
import { encodeTree } from './encodeTree.ts';
import type { Encode } from './encodeTree.ts';
import { headWriter } from './headWriter.ts';
import type { Head } from './headWriter.ts';
import { identifier } from './identifier.ts';
import type { Identify } from './identifier.ts';
import { jsonText } from './jsonText.ts';
import { columnWarnings } from './limits.ts';
import type { MappedCall, Mapper, MappingOptions } from './mapper.ts';
import { containerOf, placeColumns } from './placement.ts';
import { Problem } from './problem.ts';
import { ResultColumns } from './resultColumns.ts';
import { sharedWriter } from './sharedWriter.ts';

/**
 * Compiles the mapping of one result: where every column goes is decided once, and each row is then written
 * by one chain of encoders without an object in between.
 *
 * @throws RowcastError mapping_invalid, limit_exceeded: what is wrong with the whole result.
 */
export function createMapper(columns: readonly Column[], options: MappingOptions): Mapper {
  const placements = placeColumns(columns, options);
  const result = new ResultColumns(columns, placements, options);
  const writers: Writers = {
    shared: sharedWriter(result),
    head: headWriter(result),
    body: bodyWriter(result),
    identify: identifier(result),
  };
  return {
    columns,
    placements,
    warnings: columnWarnings(columns, options.limits),
    map(row) {
      try {
        return mapRow(row, result, writers);
      } catch (error) {
        if (error instanceof Problem) return { ok: false, code: error.code, message: error.message };
        throw error;
      }
    },
  };
}

/** The parts of a call, in the order in which they stand in it. */
interface Writers {
  readonly shared: Encode;
  readonly identify: Identify;
  readonly head: (row: Row) => Head;
  readonly body: Encode;
}

function mapRow(row: Row, result: ResultColumns, writers: Writers): MappedCall {
  const shared = writers.shared(row);
  const head = writers.head(row);
  const rest = `${head.json}${writers.body(row)}}`;
  const { messageId, repeatable } = writers.identify(row, shared + rest);
  const json = `{${shared}"messageId":${jsonText(messageId)},${rest}`;
  result.checkRecord(row, json);
  const sharedBytes = shared === '' ? 0 : Buffer.byteLength(shared);
  return { ok: true, json, sharedBytes, messageId, repeatable, person: head.person };
}

/** Writes `traits` or `properties`. */
function bodyWriter(result: ResultColumns): Encode {
  const { type, nulls } = result.options;
  const container = containerOf(type);
  const tree = encodeTree(result.leavesBelow(container, nulls === 'send' ? 'null' : ''));
  return (row) => `,"${container}":${tree(row) || '{}'}`;
}
