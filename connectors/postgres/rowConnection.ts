import { EventEmitter } from 'node:events';
import pg from 'pg';
import { CAME, Inbox, socketInto } from './inbox.ts';

/** The letter, and the length of a message without it. Source: PostgreSQL documentation, 54.7, Message Formats. */
const HEADER_BYTES = 5;
const DATA_ROW = 0x44;

/** So much is read from a socket at once. */
export const INBOX_BYTES = 256 * 1_024;

/** Takes whole DataRow messages, one after another in a block of bytes, which is overwritten once this returns. */
export type TakeRows = (block: Buffer, rows: number) => void;

/** What `pg.Connection` has for reading; its type declarations leave it out. */
interface Listening {
  attachListeners(stream: EventEmitter): void;
}

/**
 * A connection that hands the rows of a statement over as the bytes that came, many at a time; `pg` makes an event, an
 * object and a string for each value. All other messages, and rows that nobody takes, go the way of `pg`.
 */
export class RowConnection extends pg.Connection {
  /** Takes the rows of the statement under way; null while `pg` has one of its own. */
  takeRows: TakeRows | null = null;
  /** Begins with a message whose end has not come yet. */
  readonly #inbox: Inbox;
  /** How many bytes make that message whole, as far as is known. */
  #neededBytes = HEADER_BYTES;

  /** Without TLS, and where no stream is given, the socket reads into the same memory again and again. */
  constructor(config: pg.ConnectionConfig) {
    const inbox = new Inbox(INBOX_BYTES);
    const isPlain = !config.ssl && config.stream === undefined;
    super(isPlain ? { ...config, stream: () => socketInto(inbox) } : config);
    this.#inbox = inbox;
  }

  /** Called by `pg` once the connection stands, with its stream or that of TLS. */
  attachListeners(stream: EventEmitter): void {
    const others = new EventEmitter();
    (pg.Connection.prototype as unknown as Listening).attachListeners.call(this, others);
    stream.on(CAME, () => this.#receive(others));
    stream.on('data', (bytes: Buffer) => {
      this.#inbox.add(bytes);
      this.#receive(others);
    });
    stream.on('end', () => others.emit('end'));
  }

  #receive(others: EventEmitter): void {
    const inbox = this.#inbox;
    if (inbox.length < this.#neededBytes) return;
    inbox.forget(this.#passOn(inbox.content, others));
    this.#neededBytes = inbox.length < HEADER_BYTES ? HEADER_BYTES : 1 + inbox.content.readUInt32BE(1);
  }

  /** Passes whole messages on, in order. @returns where the first begins that is not whole. */
  #passOn(bytes: Buffer, others: EventEmitter): number {
    let [begin, at, rows] = [0, 0, 0];
    const pass = () => {
      if (rows > 0) this.takeRows?.(bytes.subarray(begin, at), rows);
      else if (at > begin) others.emit('data', Buffer.from(bytes.subarray(begin, at)));
      [begin, rows] = [at, 0];
    };
    while (at + HEADER_BYTES <= bytes.length) {
      const next = at + 1 + bytes.readUInt32BE(at + 1);
      if (next > bytes.length) break;
      const isRow = bytes[at] === DATA_ROW && this.takeRows !== null;
      if (isRow !== rows > 0) pass();
      if (isRow) rows += 1;
      at = next;
      // What follows depends on it: another statement may begin, whose rows are not for us.
      if (!isRow) pass();
    }
    pass();
    return begin;
  }
}
