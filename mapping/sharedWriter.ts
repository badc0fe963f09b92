import type { Row } from '../connectors/source.ts';
import { encodeTree } from './encodeTree.ts';
import type { Encode } from './encodeTree.ts';
import { nests, onOneLine } from './json.ts';
import { OBJECTS } from './placement.ts';
import { Problem, quoted } from './problem.ts';
import type { ResultColumns } from './resultColumns.ts';

/** Writes `context` and `integrations`, which some destinations take once for a whole batch. */
export function sharedWriter(result: ResultColumns): Encode {
  const writers = OBJECTS.flatMap((name) => {
    const encode = objectWriter(result, name);
    return encode === null ? [] : [{ key: `"${name}":`, encode }];
  });
  return (row) => {
    let shared = '';
    for (const { key, encode } of writers) {
      const json = encode(row);
      if (json !== '') shared += `${key}${json},`;
    }
    return shared;
  };
}

function objectWriter(result: ResultColumns, name: string): Encode | null {
  const whole = result.indexOf(name);
  if (whole >= 0) return wholeObject(result, whole);
  const leaves = result.leavesBelow(name, '');
  return leaves.length === 0 ? null : encodeTree(leaves);
}

/** One column with the whole object: JSON, whatever kind of column a source returns it in. */
function wholeObject(result: ResultColumns, index: number): Encode {
  const checkedValue = result.value(index, '');
  return (row: Row) => {
    const cell = row[index] ?? null;
    if (cell === null || cell === '') return '';
    const value = checkedValue(row);
    if (typeof cell !== 'string') throw noObject(result, index, value);
    const text = cell.trim();
    if (text === 'null') return '';
    if (!text.startsWith('{') || !nests(text)) throw noObject(result, index, cell);
    return onOneLine(cell);
  };
}

function noObject(result: ResultColumns, index: number, value: string): Problem {
  return new Problem(
    'invalid_value',
    `The column ${result.nameOf(index)} must hold a JSON object, not ${quoted(value)}; build one in the query, or use columns such as "context.ip".`,
  );
}
