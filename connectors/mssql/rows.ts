import type { Cell, Row } from '../source.ts';
import { NotEnoughDataError } from './driver.ts';
import type { Bytes, Field, Token, TokenReader } from './driver.ts';
import { columnType } from './types.ts';
import type { ColumnType } from './types.ts';

/** A row, and how many bytes it had. */
export interface RowToken extends Token {
  readonly columns: { readonly row: Row; readonly bytes: number };
}

/** Readers of rows with the columns of a result. */
export function rowReaders(fields: readonly Field[]): (isCompressed: boolean) => TokenReader {
  const types = fields.map(columnType);
  return (isCompressed) => new RowReader(types, isCompressed);
}

const NONE = Buffer.alloc(0);

/** Reads the cells of one row. Source: MS-TDS, 2.2.7.19 ROW and 2.2.7.13 NBCROW. */
class RowReader implements TokenReader {
  readonly #types: readonly ColumnType[];
  /** A bit for each column that is NULL, where these have no bytes; before they have come, undefined. */
  #nulls: Buffer | undefined;
  readonly #row: Cell[] = [];
  #parts: PartsReader | undefined;
  #bytes = 0;

  constructor(types: readonly ColumnType[], isCompressed: boolean) {
    this.#types = types;
    this.#nulls = isCompressed ? undefined : NONE;
  }

  read(bytes: Bytes): RowToken {
    this.#nulls ??= take(bytes, Math.ceil(this.#types.length / 8));
    for (let type = this.#types[this.#row.length]; type !== undefined; type = this.#types[this.#row.length]) {
      this.#row.push(this.#isNull(this.#row.length) ? null : this.#cell(bytes, type));
    }
    return { handlerName: 'onRow', columns: { row: this.#row, bytes: this.#bytes } };
  }

  #isNull(at: number): boolean {
    return ((this.#nulls?.[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  #cell(bytes: Bytes, type: ColumnType): Cell {
    if (type.frame === 'parts') return this.#cellInParts(bytes, type);
    const [at, length] = placeOf(bytes, type.frame);
    if (length === null) {
      bytes.position = at;
      return null;
    }
    need(bytes, at + length);
    const cell = type.read(bytes.buffer, at, length);
    bytes.position = at + length;
    this.#bytes += length;
    return cell;
  }

  #cellInParts(bytes: Bytes, type: ColumnType): Cell {
    this.#parts ??= new PartsReader();
    const whole = this.#parts.read(bytes);
    this.#parts = undefined;
    if (whole === null) return null;
    this.#bytes += whole.length;
    return type.read(whole, 0, whole.length);
  }
}

/** Where the bytes of a value begin, and how many it has; null for NULL. Source: MS-TDS, 2.2.5.2.1 Fixed Length and after it. */
function placeOf(
  { buffer, position: at }: Bytes,
  frame: Exclude<ColumnType['frame'], 'parts'>,
): [number, number | null] {
  if (typeof frame === 'number') return [at, frame];
  const bytes = { buffer };
  switch (frame) {
    case 'byte': {
      need(bytes, at + 1);
      return [at + 1, buffer.readUInt8(at) || null];
    }
    case 'short': {
      need(bytes, at + 2);
      const length = buffer.readUInt16LE(at);
      return [at + 2, length === 0xffff ? null : length];
    }
    case 'long': {
      need(bytes, at + 4);
      return [at + 4, buffer.readUInt32LE(at) || null];
    }
    case 'pointer': {
      need(bytes, at + 1);
      const pointer = buffer.readUInt8(at);
      if (pointer === 0) return [at + 1, null];
      // The pointer, and the eight bytes of its timestamp.
      const length = at + 1 + pointer + 8;
      need(bytes, length + 4);
      return [length + 4, buffer.readUInt32LE(length)];
    }
  }
}

const PARTS_NULL = 0xffffffffffffffffn;
const PARTS_UNKNOWN = 0xfffffffffffffffen;

/** Reads a value of any length, which comes in parts with their lengths. Source: MS-TDS, 2.2.5.2.3. */
class PartsReader {
  #length: bigint | undefined;
  /** How much of the part under way has not come yet. */
  #rest = 0;
  readonly #parts: Buffer[] = [];

  /** The value once it is whole; null for NULL. @throws NotEnoughDataError where it is not. */
  read(bytes: Bytes): Buffer | null {
    this.#length ??= take(bytes, 8).readBigUInt64LE();
    if (this.#length === PARTS_NULL) return null;
    for (;;) {
      if (this.#rest === 0) this.#rest = take(bytes, 4).readUInt32LE();
      if (this.#rest === 0) break;
      need(bytes, bytes.position + 1);
      const part = bytes.buffer.subarray(bytes.position, bytes.position + this.#rest);
      this.#parts.push(part);
      this.#rest -= part.length;
      bytes.position += part.length;
    }
    const whole = Buffer.concat(this.#parts);
    if (this.#length !== PARTS_UNKNOWN && this.#length !== BigInt(whole.length)) {
      throw new Error(`a value of ${this.#length} bytes came with ${whole.length}`);
    }
    return whole;
  }
}

function take(bytes: Bytes, count: number): Buffer {
  const end = bytes.position + count;
  need(bytes, end);
  const taken = bytes.buffer.subarray(bytes.position, end);
  bytes.position = end;
  return taken;
}

/** @throws NotEnoughDataError where not so many bytes have come. */
function need({ buffer }: Pick<Bytes, 'buffer'>, end: number): void {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- what tedious waits for is no Error
  if (buffer.length < end) throw new NotEnoughDataError(end);
}
