import type { Row } from '../connectors/source.ts';
import { jsonText } from './jsonText.ts';

/** Makes the JSON of one value of a row; an empty string leaves it out. */
export type Encode = (row: Row) => string;

/** A value to be placed below an object. */
export interface Leaf {
  readonly path: readonly string[];
  readonly encode: Encode;
}

/**
 * Compiles leaves into one function that writes their object, nested by their paths, in the order of the
 * columns. An object of which everything is left out is left out itself; the caller decides what that means.
 */
export function encodeTree(leaves: readonly Leaf[]): Encode {
  const fields: { key: string; encode: Encode }[] = [];
  const seen = new Set<string>();
  for (const { path, encode } of leaves) {
    const [name = '', ...rest] = path;
    if (seen.has(name)) continue;
    seen.add(name);
    const key = `${jsonText(name)}:`;
    if (rest.length === 0) {
      fields.push({ key, encode });
    } else {
      const below = leaves.filter((leaf) => leaf.path[0] === name);
      fields.push({ key, encode: encodeTree(below.map((leaf) => ({ ...leaf, path: leaf.path.slice(1) }))) });
    }
  }
  return (row) => {
    let written = '';
    for (const { key, encode } of fields) {
      const value = encode(row);
      if (value !== '') written += (written === '' ? '{' : ',') + key + value;
    }
    return written === '' ? '' : `${written}}`;
  };
}
