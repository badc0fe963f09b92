import { messageOf, RowcastError } from '../errors.ts';

/**
 * What it means that a server was not reached, or the connection could not be made safe.
 *
 * @param place host and port.
 * @param product whose server it should be.
 */
export function networkFailure(error: unknown, place: string, product: string): RowcastError {
  const words = wordsOf(error);
  if (isCertificateProblem(error)) {
    return new RowcastError(
      'source_tls_failed',
      `The certificate of ${place} could not be verified (${words}); install its authority on the worker (NODE_EXTRA_CA_CERTS), or set \`tls: require\` to encrypt without checking.`,
      { cause: error },
    );
  }
  if (isHandshakeProblem(error)) {
    return new RowcastError(
      'source_tls_failed',
      `The TLS handshake with ${place} failed (${words}); check that it is a ${product} server, and which versions of TLS it offers.`,
      { cause: error },
    );
  }
  return new RowcastError(
    'source_unreachable',
    `The database server ${place} cannot be reached (${words}); check host, port and firewall, and that it is running.`,
    { cause: error },
  );
}

/** A server that speaks no TLS at all. */
export function noTls(cause: unknown, place: string): RowcastError {
  return new RowcastError(
    'source_tls_failed',
    `The server at ${place} does not offer TLS; enable it there, or set \`tls: off\` where the network is trusted.`,
    { cause },
  );
}

/** A connection that ended in the middle of something. */
export function connectionLost(cause: unknown, place: string): RowcastError {
  return new RowcastError(
    'source_connection_lost',
    `The connection to ${place} was lost (${messageOf(cause)}); the run tries again.`,
    { cause },
  );
}

/** Node has no words of its own where each address of a host failed, and few for a time-out. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  const words = messageOf(error);
  return /^(timeout expired|connect ETIMEDOUT)$/.test(words) ? 'it does not answer' : words;
}

/** Drivers put codes of their own over Node's, so that its words have to tell. */
function isCertificateProblem(error: unknown): boolean {
  return (
    /^(ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(nodeCodeOf(error)) ||
    (nodeCodeOf(error) === 'HANDSHAKE_SSL_ERROR' && /certificate|altnames/.test(messageOf(error)))
  );
}

function isHandshakeProblem(error: unknown): boolean {
  return /^(ERR_SSL|EPROTO)/.test(nodeCodeOf(error)) || (error instanceof Error && 'library' in error);
}

function nodeCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
