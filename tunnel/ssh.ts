import ssh2 from 'ssh2';
import type { Client } from 'ssh2';
import type { TunnelConfig } from './config.ts';
import { hostKeyFailure, openFailure } from './failures.ts';
import { fingerprintOf } from './key.ts';

/** A server that takes the connection and never answers is given up after this, whatever stage it is at. */
const CONNECT_TIMEOUT_MS = 10_000;

/** A server that is gone without a word is noticed after three of these. */
const KEEP_ALIVE_MS = 5_000;
const KEEP_ALIVES_MAX = 3;

/**
 * Connects to an SSH server and signs in, once its host key is the one by which it is known.
 *
 * @throws RowcastError tunnel_unreachable, tunnel_host_key_changed, tunnel_host_key_unknown, tunnel_login_refused; the signal's reason.
 */
export async function connectSsh(
  config: TunnelConfig,
  privateKey: string,
  signal: AbortSignal,
): Promise<Client> {
  signal.throwIfAborted();
  const client = new ssh2.Client();
  const { promise: ready, resolve, reject } = Promise.withResolvers<null>();
  const onAbort = () => reject(signal.reason as Error);
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`)),
    CONNECT_TIMEOUT_MS,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  client.on('ready', () => resolve(null));
  client.on('error', reject);
  client.on('close', () => reject(new Error('the server closed the connection')));
  client.connect({
    host: config.host,
    port: config.port,
    username: config.user,
    privateKey,
    authHandler: ['publickey'],
    hostVerifier: (key: Buffer) => {
      const failure = hostKeyFailure(fingerprintOf(key), config);
      if (failure === null) return true;
      reject(failure);
      return false;
    },
    readyTimeout: 0,
    keepaliveInterval: KEEP_ALIVE_MS,
    keepaliveCountMax: KEEP_ALIVES_MAX,
  });
  try {
    await ready;
    client.setNoDelay(true);
    return client;
  } catch (error) {
    client.destroy();
    signal.throwIfAborted();
    throw openFailure(error, config);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
