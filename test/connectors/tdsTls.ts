import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { packet, PRELOGIN } from './tdsPackets.ts';

/** What a server says in a handshake of TLS 1.2: who it is, and that it is done. */
const FLIGHTS = 2;

/**
 * The wire of TLS as SQL Server has it: the handshake goes in messages of its own protocol, one for each of the client's,
 * and what follows it does not.
 */
class HandshakeWire extends Duplex {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #flight: Buffer[] = [];
  #flights = 0;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('close', () => this.destroy());
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 8 && this.#received[0] === PRELOGIN) {
      const bytes = this.#received.readUInt16BE(2);
      if (this.#received.length < bytes) return;
      this.push(this.#received.subarray(8, bytes));
      this.#received = this.#received.subarray(bytes);
    }
    if (this.#received.length === 0 || this.#received[0] === PRELOGIN) return;
    this.push(this.#received);
    this.#received = Buffer.alloc(0);
  }

  override _read(): void {
    // What comes is pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#flights === FLIGHTS) {
      this.#socket.write(chunk, done);
      return;
    }
    if (this.#flight.length === 0) setImmediate(() => this.#sendFlight());
    this.#flight.push(chunk);
    done();
  }

  #sendFlight(): void {
    this.#socket.write(packet(Buffer.concat(this.#flight), true));
    this.#flight = [];
    this.#flights += 1;
  }
}

export function secureSocket(socket: Socket, key: string, cert: string): Socket {
  const secure = new TLSSocket(new HandshakeWire(socket), {
    isServer: true,
    key,
    cert,
    maxVersion: 'TLSv1.2',
  });
  secure.on('error', () => socket.destroy());
  return secure;
}
