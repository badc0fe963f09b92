import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { Connection, Request } from 'tedious';

/*
 * What Rowcast uses of the inside of tedious, which is pinned to the version that this was read in. Its own reader of
 * rows makes numbers of JavaScript of DECIMAL and MONEY, and a `Date` of what is more precise; here the bytes of a row
 * come to `rows.ts`.
 */

/** A column as the server describes it. */
export interface Field {
  readonly colName: string;
  /** The number of a type, and its name in tedious. */
  readonly type: { readonly id: number; readonly name: string };
  /** Digits of a fraction. */
  readonly scale?: number | undefined;
  /** How many bytes a value has at most. */
  readonly dataLength?: number | undefined;
  /** Of text that is not Unicode. */
  readonly collation?: { readonly codepage?: string | undefined } | undefined;
}

/** A part of an answer; `handlerName` is the method of tedious's handler that takes it. */
export interface Token {
  readonly handlerName: string;
}

/** The state of a parser, whose next byte to read is the one at `position`. */
export interface Bytes {
  readonly buffer: Buffer;
  position: number;
}

/** Reads a token whose bytes may come in pieces; is called again when more have come. */
export interface TokenReader {
  /** @throws NotEnoughDataError */
  read(bytes: Bytes): Token;
}

interface TokenParser extends Bytes {
  readonly colMetadata: readonly Field[];
  write(chunk: Buffer): void;
  /** The next token; undefined where more bytes are needed. */
  read(): Token | undefined;
  end(): void;
  readToken(): Token | undefined;
  startTokenReader(reader: TokenReader): Token;
}

interface Inside {
  readonly Parser: new (options: unknown) => TokenParser;
  readonly NotEnoughDataError: new (bytes: number) => object;
  readonly Collation: { fromBuffer(bytes: Buffer): { readonly codepage?: string } };
}

const VERSION = '20.3.9';

const { Parser, NotEnoughDataError, Collation } = inside();

export { NotEnoughDataError };

function inside(): Inside {
  const require = createRequire(import.meta.url);
  const load = (file: string) => require(`tedious/${file}`) as Record<string, unknown>;
  const { version } = load('package.json');
  const parser = load('lib/token/stream-parser.js') as unknown as { readonly prototype: unknown };
  const { NotEnoughDataError: notEnough } = load('lib/token/helpers.js');
  const { Collation: collation } = load('lib/collation.js');
  const parts: [owner: unknown, name: string][] = [
    ...['write', 'read', 'end', 'readToken', 'startTokenReader'].map((name): [unknown, string] => [
      parser.prototype,
      name,
    ]),
    [Connection.prototype, 'createTokenStreamParser'],
    [collation, 'fromBuffer'],
  ];
  const isKnown = parts.every(
    ([owner, name]) => typeof (owner as Record<string, unknown> | undefined)?.[name] === 'function',
  );
  if (version !== VERSION || !isKnown || typeof notEnough !== 'function') {
    throw new Error(
      `Rowcast reads SQL Server through the inside of the package tedious ${VERSION}, and found ${String(version)}; install the packages of its package-lock.json.`,
    );
  }
  return { Parser: parser, NotEnoughDataError: notEnough, Collation: collation } as Inside;
}

/** The code page of text by the five bytes of its collation. */
export function codepageOf(collation: Buffer): string | undefined {
  return Collation.fromBuffer(collation).codepage;
}

/** Numbers of tokens. Source: MS-TDS, 2.2.7 Packet Data Token Stream Definition. */
const ROW = 0xd1;
const COMPRESSED_ROW = 0xd2;

/** What makes readers of rows for the columns of a result. */
export type RowReaders = (fields: readonly Field[]) => (isCompressed: boolean) => TokenReader;

/** Makes a connection hand over rows that are read by readers of one's own. */
export function readRowsWith(connection: Connection, readers: RowReaders): void {
  class RowParser extends Parser {
    #fields: readonly Field[] | undefined;
    #reader: ReturnType<RowReaders> | undefined;

    override readToken(): Token | undefined {
      const token = this.buffer[this.position];
      if (token !== ROW && token !== COMPRESSED_ROW) return super.readToken();
      if (this.#reader === undefined || this.#fields !== this.colMetadata) {
        this.#fields = this.colMetadata;
        this.#reader = readers(this.colMetadata);
      }
      return this.startTokenReader(this.#reader(token === COMPRESSED_ROW));
    }
  }
  const { options } = (connection as unknown as { config: { options: unknown } }).config;
  Object.assign(connection, {
    createTokenStreamParser: (message: AsyncIterable<Buffer>, handler: TokenHandler) =>
      new TokenStream(message, handler, new RowParser(options)),
  });
}

type TokenHandler = Readonly<Record<string, (token: Token) => void>>;

/** Hands the tokens of an answer to its handler, none while it is paused. */
class TokenStream extends EventEmitter {
  #resumed = Promise.withResolvers<null>();
  #isPaused = false;

  constructor(message: AsyncIterable<Buffer>, handler: TokenHandler, parser: TokenParser) {
    super();
    // Outside of the promise, so that what a listener throws is not taken for a failure of this.
    this.#run(message, handler, parser).then(
      () => process.nextTick(() => this.emit('end')),
      (error: unknown) => process.nextTick(() => this.emit('error', error)),
    );
  }

  async #run(message: AsyncIterable<Buffer>, handler: TokenHandler, parser: TokenParser): Promise<void> {
    // A loop of `for await` would destroy the message, and with it the connection, where a token is wrong.
    const chunks = message[Symbol.asyncIterator]();
    for (let chunk = await chunks.next(); chunk.done !== true; chunk = await chunks.next()) {
      parser.write(chunk.value);
      for (;;) {
        while (this.#isPaused) await this.#resumed.promise;
        const token = parser.read();
        if (token === undefined) break;
        handler[token.handlerName]?.(token);
      }
    }
    parser.end();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#resumed = Promise.withResolvers();
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumed.resolve(null);
  }
}

export { Connection, Request };
