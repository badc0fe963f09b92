import type { Connection } from 'mysql2';
import type { Cell, Column, Row } from '../source.ts';
import { columnType } from './types.ts';
import type { ColumnType, Field } from './types.ts';

/** A page is handed over once it holds so many bytes as the server sends them, whatever its number of rows. */
const PAGE_BYTES = 2 * 1_024 * 1_024;

/** A packet of mysql2: what lies between `offset` and `end` is its content. */
interface Packet {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
}

/** A statement that the server has parsed; mysql2's type declarations leave its columns out. */
interface PreparedStatement {
  readonly columns: readonly unknown[];
  /** The `?` of the statement. */
  readonly parameters: readonly unknown[];
  execute(parameters: readonly unknown[]): ExecuteCommand;
}

/**
 * A statement under way in mysql2. It asks `buildParserFromFields` for what makes a row of a packet; giving it
 * another answer is the one way to the bytes of a row. The package is pinned to the version that this was read in.
 */
interface ExecuteCommand extends NodeJS.EventEmitter {
  buildParserFromFields: (fields: readonly Field[]) => new () => { next(packet: Packet): Row };
}

interface Waiting {
  readonly rowsMax: number;
  readonly resolve: (page: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads the rows of one prepared statement in MySQL's binary protocol.
 *
 * Unlike mysql2's own streams it knows a statement's columns before it runs, makes exact cells of the bytes of a
 * row, and bounds a page by its size as well as by its rows; while no page is wanted, the socket is not read. The
 * text protocol would give FLOAT with six digits.
 */
export class StatementReader {
  readonly #connection: Connection;
  readonly #sql: string;
  readonly #isMariaDb: boolean;
  #statement: PreparedStatement | undefined;
  #state: 'new' | 'executing' | 'ended' = 'new';
  #error: unknown;
  #columns: readonly Column[] = [];
  #rows: Row[] = [];
  #bytes = 0;
  #waiting: Waiting | undefined;
  #stopped = false;
  readonly #end = Promise.withResolvers<null>();

  constructor(connection: Connection, sql: string, isMariaDb: boolean) {
    this.#connection = connection;
    this.#sql = sql;
    this.#isMariaDb = isMariaDb;
  }

  /** Whether the server is at work on the statement, or has more to say of it. */
  get executing(): boolean {
    return this.#state === 'executing';
  }

  /** The columns of the result; known once the first page has been read. */
  get columns(): readonly Column[] {
    return this.#columns;
  }

  /** How many columns the statement will return, which has not run yet, and how many values it waits for. */
  prepare(): Promise<{ columns: number; parameters: number }> {
    return new Promise((resolve, reject) => {
      this.#connection.prepare(this.#sql, (error: Error | null, statement: unknown) => {
        if (error !== null) {
          reject(error);
          return;
        }
        const { columns, parameters } = (this.#statement = statement as PreparedStatement);
        resolve({ columns: columns.length, parameters: parameters.length });
      });
    });
  }

  /** At most so many more rows; none at the end. */
  read(rowsMax: number): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { rowsMax, resolve, reject };
      if (this.#state === 'new') this.#execute();
      else if (this.#state === 'ended') this.#handOver();
      else this.#connection.resume();
    });
  }

  /** Reads what the server still sends, and forgets it. Settles once the server has nothing more to say. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rows = [];
    if (this.#state === 'executing') {
      this.#connection.resume();
      await this.#end.promise;
    }
    if (this.#statement !== undefined) this.#connection.unprepare(this.#sql);
    this.#statement = undefined;
  }

  #execute(): void {
    this.#state = 'executing';
    const command = this.#statement?.execute([]);
    if (command === undefined) throw new Error('the statement was not prepared');
    command.buildParserFromFields = (fields) => this.#rowParser(fields);
    command.on('result', (row: unknown) => this.#onRow(row));
    command.on('error', (error: unknown) => (this.#error = error));
    command.on('end', () => {
      this.#state = 'ended';
      this.#end.resolve(null);
      this.#handOver();
    });
  }

  #rowParser(fields: readonly Field[]): new () => { next(packet: Packet): Row } {
    const types = fields.map((field) => columnType(field, this.#isMariaDb));
    this.#columns = fields.map(({ name }, at) => ({ name, kind: types[at]?.kind ?? 'text' }));
    const next = (packet: Packet) => {
      this.#bytes += packet.end - packet.offset;
      return readRow(packet, types);
    };
    return class {
      readonly next = next;
    };
  }

  #onRow(row: unknown): void {
    // A statement that returns no rows ends with a summary instead.
    if (this.#stopped || !Array.isArray(row)) return;
    this.#rows.push(row as Row);
    const rowsMax = this.#waiting?.rowsMax ?? 0;
    if (this.#rows.length < rowsMax && this.#bytes < PAGE_BYTES) return;
    this.#connection.pause();
    this.#handOver();
  }

  #handOver(): void {
    if (this.#waiting === undefined) return;
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if (this.#error !== undefined) return reject(this.#error);
    resolve(this.#rows);
    this.#rows = [];
    this.#bytes = 0;
  }
}

/** One row: a zero, a bit for each column that is NULL (the first two bits are unused), then the other values. */
function readRow({ buffer, offset }: Packet, types: readonly ColumnType[]): Row {
  const nulls = offset + 1;
  const bytes = { buffer, at: nulls + ((types.length + 9) >> 3) };
  const row = new Array<Cell>(types.length);
  for (let at = 0; at < types.length; at += 1) {
    const isNull = ((buffer[nulls + ((at + 2) >> 3)] ?? 0) & (1 << ((at + 2) & 7))) !== 0;
    row[at] = isNull ? null : (types[at]?.read(bytes) ?? null);
  }
  return row;
}
