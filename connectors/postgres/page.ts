import type { Cell, EncodedPage } from '../source.ts';
import type { RowBytes } from './reader.ts';
import type { ColumnType } from './types.ts';

/** A DataRow is a letter, its length, the number of its columns; then the length of each value, and the value. */
const ROW_HEADER_BYTES = 7;
const LENGTH_BYTES = 4;

/** How the rows of a statement are read. */
export class RowShape {
  readonly types: readonly ColumnType[];
  readonly begins: Int32Array;
  readonly ends: Int32Array;
  /** Columns of dates with times, whose bytes are made those of a cell. */
  readonly times: readonly { readonly column: number; readonly zoned: boolean }[];

  constructor(types: readonly ColumnType[]) {
    this.types = types;
    this.begins = new Int32Array(types.length);
    this.ends = new Int32Array(types.length);
    this.times = types.flatMap(({ kind }, column) =>
      kind === 'datetime' || kind === 'instant' ? [{ column, zoned: kind === 'instant' }] : [],
    );
  }

  /** For each column, whether its bytes are then the text of its cells. */
  get isText(): boolean[] {
    return this.types.map(({ kind, isArray }) => kind !== 'binary' && isArray !== true);
  }
}

/** A page of DataRow messages. */
export class PostgresPage implements EncodedPage {
  readonly length: number;
  readonly begins: Int32Array;
  readonly ends: Int32Array;
  readonly bytes: Buffer;
  readonly #shape: RowShape;
  #at = 0;

  constructor({ rows, bytes }: RowBytes, shape: RowShape) {
    this.length = rows;
    this.begins = shape.begins;
    this.ends = shape.ends;
    this.#shape = shape;
    this.bytes = bytes;
  }

  next(): boolean {
    const { begins, ends, bytes } = this;
    if (this.#at >= bytes.length) return false;
    let at = this.#at + ROW_HEADER_BYTES;
    for (let column = 0; column < begins.length; column += 1) {
      const length = lengthAt(bytes, at);
      at += LENGTH_BYTES;
      begins[column] = length < 0 ? -1 : at;
      if (length > 0) at += length;
      ends[column] = at;
    }
    this.#at = at;
    for (const { column, zoned } of this.#shape.times) this.#writeTime(column, zoned);
    return true;
  }

  /** The same as `readDatetime` and `readInstant` of types.ts, in place. */
  #writeTime(column: number, zoned: boolean): void {
    const [begin = -1, end = 0] = [this.begins[column], this.ends[column]];
    const bytes = this.bytes;
    if (begin < 0 || end - begin <= 10 || bytes[begin + 10] !== SPACE) return;
    if (!zoned) {
      if (bytes[end - 1] !== LETTER_C) bytes[begin + 10] = LETTER_T;
    } else if (bytes[end - 3] === PLUS && bytes[end - 2] === ZERO && bytes[end - 1] === ZERO) {
      bytes[begin + 10] = LETTER_T;
      bytes[end - 3] = LETTER_Z;
      this.ends[column] = end - 2;
    }
  }

  cell(column: number): Cell {
    const begin = this.begins[column] ?? -1;
    const read = this.#shape.types[column]?.read;
    return begin < 0 || read === undefined
      ? null
      : read(this.bytes.toString('utf8', begin, this.ends[column]));
  }
}

const [PLUS, ZERO, SPACE, LETTER_C, LETTER_T, LETTER_Z] = [0x2b, 0x30, 0x20, 0x43, 0x54, 0x5a];

/** A length in big-endian bytes; -1 for NULL. */
function lengthAt(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
