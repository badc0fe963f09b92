import type { Address } from '../connectors/source.ts';
import { messageOf, RowcastError } from '../errors.ts';
import type { TunnelConfig } from './config.ts';

export const placeOf = ({ host, port }: Address) => `${host}:${port}`;

/** What ssh2 says of what went wrong: whose fault it is, or why a channel was refused. */
interface SshError extends Error {
  readonly level?: string;
  readonly reason?: number;
}

/** RFC 4254, section 5.1. */
const REASON = { administrativelyProhibited: 1, connectFailed: 2 };

/** What it means that there is no connection to the SSH server, or no login. */
export function openFailure(error: unknown, config: TunnelConfig): RowcastError {
  if (error instanceof RowcastError) return error;
  const place = placeOf(config);
  const { level } = error as SshError;
  if (level === 'client-authentication') {
    return new RowcastError(
      'tunnel_login_refused',
      `The SSH server ${place} refused the key for the user ${config.user}; put the integration's public key (\`rowcast integration key NAME\` prints it) into that user's authorized_keys there.`,
      { cause: error },
    );
  }
  if (level === 'handshake' || level === 'protocol') {
    return new RowcastError(
      'tunnel_unreachable',
      `The server ${place} does not speak SSH as Rowcast knows it (${messageOf(error)}); check \`tunnel.host\` and \`tunnel.port\`, and which algorithms the server offers.`,
      { cause: error },
    );
  }
  return new RowcastError(
    'tunnel_unreachable',
    `The SSH server ${place} cannot be reached (${messageOf(error)}); check \`tunnel.host\`, \`tunnel.port\` and firewall, and that it is running.`,
    { cause: error },
  );
}

/** Why a server is not the one that is meant; null where it is. @param found the fingerprint of its host key. */
export function hostKeyFailure(found: string, config: TunnelConfig): RowcastError | null {
  if (config.hostKey === found) return null;
  return config.hostKey === undefined ? hostKeyUnknown(found, config) : hostKeyChanged(found, config);
}

function hostKeyUnknown(found: string, config: TunnelConfig): RowcastError {
  return new RowcastError(
    'tunnel_host_key_unknown',
    `The SSH server ${placeOf(config)} has the host key ${found}, which is not known yet, and nothing was sent to it; compare it with what \`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\` prints on that server, and where they are the same, set \`tunnel.hostKey\` to it, or accept it with \`--accept-host-key\` when you save.`,
    { unknownHostKey: found },
  );
}

function hostKeyChanged(found: string, config: TunnelConfig): RowcastError {
  return new RowcastError(
    'tunnel_host_key_changed',
    `The SSH server ${placeOf(config)} has the host key ${found}, not ${config.hostKey}, so it is another server or was set up anew, and nothing was sent to it; where that is expected, compare the fingerprint on the server and set \`tunnel.hostKey\` to it.`,
  );
}

/** A connection to the database that the SSH server did not make. */
export function forwardFailure(error: unknown, config: TunnelConfig, to: Address): RowcastError {
  const [place, target] = [placeOf(config), placeOf(to)];
  const { reason } = error as SshError;
  if (reason === REASON.administrativelyProhibited) {
    return new RowcastError(
      'tunnel_forwarding_refused',
      `The SSH server ${place} forbids forwarding to ${target} for the user ${config.user}; allow it in its sshd_config (AllowTcpForwarding, PermitOpen) and in the options of the key (port-forwarding, permitopen).`,
      { cause: error },
    );
  }
  if (reason === REASON.connectFailed) {
    return new RowcastError(
      'source_unreachable',
      `The database server ${target} cannot be reached from the SSH server ${place} (${wordsOf(error)}); check the source's host and port as that server sees them, and that the database is running.`,
      { cause: error },
    );
  }
  return broken(error, config);
}

/** A tunnel that ended while it was in use. */
export function broken(cause: unknown, config: TunnelConfig): RowcastError {
  return new RowcastError(
    'tunnel_broken',
    `The SSH tunnel through ${placeOf(config)} broke (${messageOf(cause)}); the run tries again through a new one.`,
    { cause },
  );
}

/** `(SSH) Channel open failure: Connection refused` in the server's own words. */
function wordsOf(error: unknown): string {
  return messageOf(error).replace(/^\(SSH\) Channel open failure: /, '');
}
