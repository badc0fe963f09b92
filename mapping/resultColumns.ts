import type { Cell, Column, ColumnKind, Row } from '../connectors/source.ts';
import type { Encode, Leaf } from './encodeTree.ts';
import { jsonEncoder } from './json.ts';
import { jsonText } from './jsonText.ts';
import type { MappingOptions, Placement } from './mapper.ts';
import type { Scalar } from './placement.ts';
import { Problem } from './problem.ts';
import { rowJson } from './rowData.ts';

/** The most bytes that one unit of a string's length takes in UTF-8, and in UTF-8 once it is JSON. */
const UNIT_BYTES_MAX = 3;
const UNIT_JSON_BYTES_MAX = 6;

/** Reads a text out of a row; null where it is absent, NULL or empty. */
export type ReadText = (row: Row) => string | null;

/** The columns of a result with their places, and the reading of their cells within the limits. */
export class ResultColumns {
  readonly columns: readonly Column[];
  readonly placements: readonly Placement[];
  readonly options: MappingOptions;
  /** What the record holds of every row but the call may not: its columns' names, each perhaps with null. */
  readonly #nameBytes: number;
  /** Columns whose value may be shorter in the call than in the record. */
  readonly #shortened: readonly number[];

  constructor(columns: readonly Column[], placements: readonly Placement[], options: MappingOptions) {
    this.columns = columns;
    this.placements = placements;
    this.options = options;
    this.#nameBytes = Buffer.byteLength(JSON.stringify(columns.map(({ name }) => ({ [name]: null }))));
    this.#shortened = [['timestamp'], ['context'], ['integrations']]
      .map((path) => this.indexOf(...path))
      .filter((index) => index >= 0);
  }

  /** The column that takes a place, or -1. */
  indexOf(...path: string[]): number {
    return this.placements.findIndex((placement) => placement.path.join('\0') === path.join('\0'));
  }

  nameOf(index: number): string {
    return JSON.stringify(this.columns[index]?.name ?? '');
  }

  /** Whether the cells of a column can stand where text must. */
  holdsText(index: number): boolean {
    return holdsText(this.columns[index]?.kind ?? 'text');
  }

  /** Reads a reserved column of one value, which must be text. */
  scalar(name: Scalar): ReadText {
    const index = this.indexOf(name);
    const column = this.columns[index];
    if (column === undefined) return () => null;
    const { valueBytesMax } = this.options.limits;
    const isText = holdsText(column.kind);
    return (row) => {
      const cell = row[index] ?? null;
      if (cell === null || cell === '') return null;
      if (!isText || typeof cell !== 'string') {
        throw new Problem(
          'invalid_value',
          `The column ${this.nameOf(index)} holds a ${column.kind} value, but ${name} must be text; cast it to text in the query.`,
        );
      }
      // Two more for the quotes.
      if (cell.length * UNIT_JSON_BYTES_MAX + 2 > valueBytesMax) this.#checkValue(index, jsonText(cell));
      return cell;
    };
  }

  /** Reads a trait or a property that stands for something as well, if it is text. */
  textAt(...path: string[]): ReadText {
    const index = this.indexOf(...path);
    const column = this.columns[index];
    if (column === undefined || !holdsText(column.kind)) return () => null;
    return (row) => textOrNull(row[index] ?? null);
  }

  /** Encodes a column's cell by its kind; NULL is written as `onNull`. */
  value(index: number, onNull: '' | 'null'): Encode {
    const column = this.columns[index];
    const encode = jsonEncoder(column?.kind ?? 'text', this.options.timeZone);
    const { valueBytesMax } = this.options.limits;
    return (row) => {
      const cell = row[index] ?? null;
      if (cell === null) return onNull;
      const json = encode(cell);
      if (json.length * UNIT_BYTES_MAX > valueBytesMax) this.#checkValue(index, json);
      return json;
    };
  }

  /** What lies below an object at the top of the call. */
  leavesBelow(parent: string, onNull: '' | 'null'): Leaf[] {
    return this.placements.flatMap(({ path }, index) =>
      path[0] === parent && path.length > 1
        ? [{ path: path.slice(1), encode: this.value(index, onNull) }]
        : [],
    );
  }

  #checkValue(index: number, json: string): void {
    const { valueBytesMax } = this.options.limits;
    const bytes = Buffer.byteLength(json);
    if (bytes <= valueBytesMax) return;
    throw new Problem(
      'value_too_large',
      `The column ${this.nameOf(index)} holds ${bytes} bytes as JSON, more than the limit of ${valueBytesMax} (\`limits.valueBytesMax\`); shorten it in the query.`,
    );
  }

  /** The record is the row as JSON; most rows are too short to be measured. */
  checkRecord(row: Row, callJson: string): void {
    const { recordBytesMax } = this.options.limits;
    if (this.#recordBytesAtMost(row, callJson) <= recordBytesMax) return;
    const bytes = Buffer.byteLength(rowJson(this.columns, row, this.options.timeZone));
    if (bytes <= recordBytesMax) return;
    throw new Problem(
      'record_too_large',
      `The row holds ${bytes} bytes as JSON, more than the limit of ${recordBytesMax} (\`limits.recordBytesMax\`); select less.`,
    );
  }

  #recordBytesAtMost(row: Row, callJson: string): number {
    let bytes = callJson.length * UNIT_BYTES_MAX + this.#nameBytes;
    for (const index of this.#shortened) {
      const cell = row[index] ?? null;
      if (typeof cell === 'string') bytes += cell.length * UNIT_JSON_BYTES_MAX;
    }
    return bytes;
  }
}

function holdsText(kind: ColumnKind): boolean {
  return kind !== 'boolean' && kind !== 'json' && kind !== 'binary';
}

function textOrNull(cell: Cell): string | null {
  return typeof cell === 'string' && cell !== '' ? cell : null;
}
