import type { Cell, EncodedPage, Row } from '../../connectors/source.ts';

/** Rows as the page of a source that has them in bytes; a cell that is bytes stands as such. */
export function encodedPage(rows: readonly Row[]): EncodedPage {
  const width = rows[0]?.length ?? 0;
  const begins = new Int32Array(width);
  const ends = new Int32Array(width);
  let looked = -1;
  let bytes = Buffer.alloc(0);
  return {
    length: rows.length,
    begins,
    ends,
    get bytes() {
      return bytes;
    },
    next() {
      looked += 1;
      bytes = Buffer.alloc(0);
      for (const [column, cell] of (rows[looked] ?? []).entries()) {
        begins[column] = cell === null ? -1 : bytes.length;
        bytes = Buffer.concat([bytes, bytesOf(cell)]);
        ends[column] = bytes.length;
      }
      return looked < rows.length;
    },
    cell: (column) => rows[looked]?.[column] ?? null,
  };
}

function bytesOf(cell: Cell): Uint8Array {
  if (cell === null) return Buffer.alloc(0);
  if (typeof cell === 'boolean') return Buffer.from(cell ? 't' : 'f');
  return typeof cell === 'string' ? Buffer.from(cell) : cell;
}
