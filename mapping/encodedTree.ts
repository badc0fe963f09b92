import type { EncodedPage } from '../connectors/source.ts';
import { jsonEncoder } from './json.ts';
import { Literal } from './jsonBytes.ts';
import type { JsonBytes } from './jsonBytes.ts';
import { jsonText } from './jsonText.ts';
import type { ResultColumns } from './resultColumns.ts';

/** Writes something of the row that a page looks at; false where there is nothing to write. */
export type Write = (page: EncodedPage, out: JsonBytes) => boolean;

/** A value to be placed below an object. */
export interface EncodedLeaf {
  readonly path: readonly string[];
  readonly write: Write;
}

const CLOSING = new Literal('}');

/** The same as `encodeTree`, in bytes. */
export function encodedTree(leaves: readonly EncodedLeaf[]): Write {
  const names = [...new Set(leaves.map(({ path: [name = ''] }) => name))];
  const fields = names.map((name) => {
    const below = leaves.filter(({ path }) => path[0] === name);
    const [only] = below;
    const isValue = only?.path.length === 1;
    const write = isValue
      ? only.write
      : encodedTree(below.map((leaf) => ({ ...leaf, path: leaf.path.slice(1) })));
    const key = `${jsonText(name)}:`;
    return { first: new Literal(`{${key}`), other: new Literal(`,${key}`), write };
  });
  return (page, out) => {
    let isFirst = true;
    for (const { first, other, write } of fields) {
      const before = out.at;
      out.literal(isFirst ? first : other);
      if (write(page, out)) isFirst = false;
      else out.at = before;
    }
    if (!isFirst) out.literal(CLOSING);
    return !isFirst;
  };
}

const [NULL, TRUE, FALSE] = [new Literal('null'), new Literal('true'), new Literal('false')];
const LETTER_T = 0x74;

/** The same as `ResultColumns.value`, in bytes. */
export function encodedValue(
  result: ResultColumns,
  column: number,
  { isText, onNull }: { isText: readonly boolean[]; onNull: '' | 'null' },
): Write {
  const kind = result.columns[column]?.kind ?? 'text';
  const form = isText[column] === true ? kind : 'binary';
  const encode = jsonEncoder(kind, result.options.timeZone);
  return (page, out) => {
    const begin = page.begins[column] ?? -1;
    if (begin < 0) {
      if (onNull === 'null') out.literal(NULL);
      return onNull === 'null';
    }
    if (!writeCell(form, page.bytes, begin, page.ends[column] ?? 0, out)) {
      const cell = page.cell(column);
      if (cell !== null) out.made(encode(cell));
    }
    return true;
  };
}

/** Writes a cell of a kind out of its bytes; false where that takes its text. */
function writeCell(kind: string, bytes: Buffer, begin: number, end: number, out: JsonBytes): boolean {
  switch (kind) {
    case 'text':
    case 'instant':
    case 'date':
      out.text(bytes, begin, end);
      return true;
    case 'number':
      return out.number(bytes, begin, end);
    case 'json':
      out.json(bytes, begin, end);
      return true;
    case 'boolean':
      out.literal(bytes[begin] === LETTER_T ? TRUE : FALSE);
      return true;
    default:
      return false;
  }
}
