import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Client, ClientChannel } from 'ssh2';
import type { Address } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import type { TunnelConfig } from './config.ts';
import { broken, forwardFailure } from './failures.ts';
import { connectSsh } from './ssh.ts';

/** What a tunnel is: through which server, with which key, and to where. */
export interface TunnelRequest {
  readonly config: TunnelConfig;
  /** In OpenSSH's form. */
  readonly privateKey: string;
  /** The database server, as the SSH server reaches it. */
  readonly to: Address;
}

const LOOPBACK = '127.0.0.1';

/** Closing in order takes at most so long; then the connection is simply dropped. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Failures of a connection behind which one of the tunnel itself may stand. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'source_unreachable',
  'source_connection_lost',
  'source_tls_failed',
]);

/**
 * Opens a tunnel: each connection to its address on this machine's loopback becomes one from the SSH server.
 *
 * @throws RowcastError tunnel_unreachable, tunnel_host_key_changed, tunnel_host_key_unknown, tunnel_login_refused; the signal's reason.
 */
export async function openTunnel(request: TunnelRequest, signal: AbortSignal): Promise<Tunnel> {
  const client = await connectSsh(request.config, request.privateKey, signal);
  const tunnel = new Tunnel(client, request);
  await tunnel.listen();
  return tunnel;
}

export class Tunnel {
  /** Resolves when the tunnel is of no more use: it was closed, or it broke. */
  readonly ended: Promise<void>;
  readonly #client: Client;
  readonly #request: TunnelRequest;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #hasEnded = false;
  #broken: RowcastError | null = null;
  /** Why the newest connection was not made; null where it was. */
  #refused: RowcastError | null = null;

  /** @param client signed in. */
  constructor(client: Client, request: TunnelRequest) {
    this.#client = client;
    this.#request = request;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.ended = new Promise((resolve) => {
      const end = (cause: Error) => {
        if (!this.#hasEnded) this.#broken ??= broken(cause, request.config);
        this.#drop();
        resolve();
      };
      client.on('error', end);
      client.on('close', () => end(new Error('the server closed the connection')));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, LOOPBACK);
    await once(this.#server, 'listening');
    if (this.#broken === null) return;
    this.#drop();
    throw this.#broken;
  }

  /** Where the database is reached while the tunnel is open. */
  get address(): Address {
    return { host: LOOPBACK, port: (this.#server.address() as AddressInfo).port };
  }

  /** What a failed or a lost connection through the tunnel comes from: the tunnel, where that is to blame. */
  explain(error: unknown): unknown {
    if (!(error instanceof RowcastError) || !OF_CONNECTIONS.has(error.code)) return error;
    return this.#broken ?? this.#refused ?? error;
  }

  /** Makes one connection and hangs up. @throws RowcastError tunnel_forwarding_refused, source_unreachable, tunnel_broken */
  async probe(): Promise<void> {
    const channel = await this.#forward(LOOPBACK, 0);
    channel.on('error', () => undefined);
    channel.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // It is closed then, too.
    socket.on('close', () => this.#sockets.delete(socket));
    this.#forward(socket.remoteAddress ?? LOOPBACK, socket.remotePort ?? 0).then(
      (channel) => join(socket, channel),
      () => socket.destroy(),
    );
  }

  #forward(fromHost: string, fromPort: number): Promise<ClientChannel> {
    const { config, to } = this.#request;
    return new Promise<ClientChannel>((resolve, reject) => {
      this.#client.forwardOut(fromHost, fromPort, to.host, to.port, (error, channel) =>
        error === undefined ? resolve(channel) : reject(error),
      );
    }).then(
      (channel) => {
        this.#refused = null;
        return channel;
      },
      (error: unknown) => {
        this.#refused = forwardFailure(error, config, to);
        throw this.#refused;
      },
    );
  }

  /** Hangs up; never throws. */
  async close(): Promise<void> {
    if (this.#hasEnded) return this.ended;
    this.#hasEnded = true;
    this.#drop();
    const timer = setTimeout(() => this.#client.destroy(), CLOSE_TIMEOUT_MS);
    this.#client.end();
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends every connection at once, and takes no more. */
  #drop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Whatever ends on one side ends on the other. */
function join(socket: Socket, channel: ClientChannel): void {
  channel.on('error', () => socket.destroy());
  channel.on('close', () => socket.destroySoon());
  socket.on('close', () => channel.destroy());
  if (socket.destroyed) channel.destroy();
  socket.pipe(channel).pipe(socket);
}
