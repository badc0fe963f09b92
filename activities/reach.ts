import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Address } from '../connectors/source.ts';
import { messageOf, RowcastError } from '../errors.ts';
import type { FailureCode } from '../errors.ts';

/** Whose address is tried, in the words of its definition. */
export interface Reached extends Address {
  /** `source` or `tunnel`. */
  readonly field: string;
  readonly code: Extract<FailureCode, 'source_unreachable' | 'tunnel_unreachable'>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** The addresses of a name, as this worker finds them. @throws RowcastError */
export async function findName({ host, field, code }: Reached): Promise<string> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address).join(', ');
  } catch (error) {
    throw new RowcastError(
      code,
      `The worker does not find the name ${host} (${messageOf(error)}); correct \`${field}.host\`, or the name service of the worker's machine.`,
      { cause: error },
    );
  }
}

/** Connects and hangs up. @throws RowcastError */
export async function openPort({ host, port, field, code }: Reached, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<null>();
  const socket = connect({ host, port });
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error('it does not answer')));
  socket.once('connect', () => resolve(null));
  socket.once('error', reject);
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } catch (error) {
    signal.throwIfAborted();
    const words = error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error);
    throw new RowcastError(
      code,
      `The port ${port} of ${host} is not open to the worker (${words}); check \`${field}.port\`, that the server runs, and that its firewall lets the worker's address in.`,
      { cause: error },
    );
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}
