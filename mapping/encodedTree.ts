import type { EncodedPage } from '../connectors/source.ts';
import { jsonEncoder } from './json.ts';
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

const CLOSING = Buffer.from('}');

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
    return { first: Buffer.from(`{${key}`), other: Buffer.from(`,${key}`), write };
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

const [NULL, TRUE, FALSE] = [Buffer.from('null'), Buffer.from('true'), Buffer.from('false')];
const LETTER_T = 0x74;

/** The same as `ResultColumns.value`, in bytes. */
export function encodedValue(
  result: ResultColumns,
  column: number,
  { isText, onNull }: { isText: readonly boolean[]; onNull: '' | 'null' },
): Write {
  const kind = result.columns[column]?.kind ?? 'text';
  const write = writerOf(isText[column] === true ? kind : 'binary', column);
  const encode = jsonEncoder(kind, result.options.timeZone);
  return (page, out) => {
    const begin = page.begins[column] ?? -1;
    if (begin < 0) {
      if (onNull === 'null') out.literal(NULL);
      return onNull === 'null';
    }
    if (write === null || !write(page, out)) {
      const cell = page.cell(column);
      if (cell !== null) out.made(encode(cell));
    }
    return true;
  };
}

/** Writes the cells of a kind out of their bytes; null where that takes their text. */
function writerOf(kind: string, column: number): Write | null {
  switch (kind) {
    case 'text':
    case 'instant':
    case 'date':
      return (page, out) => {
        out.text(page.bytes, page.begins[column] ?? 0, page.ends[column] ?? 0);
        return true;
      };
    case 'number':
      return (page, out) => out.number(page.bytes, page.begins[column] ?? 0, page.ends[column] ?? 0);
    case 'json':
      return (page, out) => {
        out.json(page.bytes, page.begins[column] ?? 0, page.ends[column] ?? 0);
        return true;
      };
    case 'boolean':
      return (page, out) => {
        out.literal(page.bytes[page.begins[column] ?? 0] === LETTER_T ? TRUE : FALSE);
        return true;
      };
    default:
      return null;
  }
}
