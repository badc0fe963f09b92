import pg from 'pg';
import { messageOf, RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import type { PostgresConfig } from './config.ts';

/** SQLSTATE codes and what they mean for a sync. Source: PostgreSQL documentation, appendix A. */
const BY_SQLSTATE: readonly (readonly [RegExp, FailureCode])[] = [
  [/^28/, 'source_login_refused'],
  [/^3D000$/, 'source_database_missing'],
  [/^42501$/, 'source_permission_denied'],
  [/^25006$/, 'query_not_read_only'],
  // 08P01, a protocol violation, is how the server words a query with `$1` in it.
  [/^(08(?!P01)|57P)/, 'source_connection_lost'],
  [/^(53|55P03|40001|40P01)/, 'source_busy'],
  [/^(57014|25P03|25P04)$/, 'source_statement_timeout'],
];

/** What a failed query means. @param sql the query as it was sent, whose place in error is shown. */
export function queryFailure(error: unknown, config: PostgresConfig, sql: string): RowcastError {
  if (error instanceof RowcastError) return error;
  if (!(error instanceof pg.DatabaseError)) return connectionLost(error, config);
  const code = codeOf(error);
  const words = `PostgreSQL says: ${error.message} (SQLSTATE ${error.code ?? '?'})`;
  if (/cannot insert multiple commands/.test(error.message)) {
    return new RowcastError(
      'query_multiple_statements',
      'The query holds more than one statement; keep one SELECT and remove everything after the first ";".',
      { cause: error },
    );
  }
  const advice: Partial<Record<FailureCode, string>> = {
    query_not_read_only:
      'The query tries to write, and a sync only reads; nothing was changed. Make it a plain SELECT.',
    source_permission_denied: `The user ${config.user} lacks a right that the query needs; grant it.`,
    source_statement_timeout:
      'The server stopped the query, by its time-out for statements or an administrator’s command; make it faster, or raise the time-out.',
    source_busy: `The database ${placeOf(config)} is too busy for the query; the run tries again.`,
    source_connection_lost: `The connection to ${placeOf(config)} was ended by the server; the run tries again.`,
  };
  const sentence = advice[code] ?? 'The query failed; correct it.';
  return new RowcastError(code, `${sentence} ${words}${placeInQuery(sql, error.position)}`, { cause: error });
}

/** A statement that is no query: the server says that it would return no columns. */
export function notAQuery(): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    'The query returns no columns, so it was not run, and nothing was changed: a sync only reads. Make it a plain SELECT.',
  );
}

function codeOf({ code: state = '' }: pg.DatabaseError): FailureCode {
  return BY_SQLSTATE.find(([pattern]) => pattern.test(state))?.[1] ?? 'query_failed';
}

/** The line of the query in which the server found fault, with a caret below the place. */
function placeInQuery(sql: string, position: string | undefined): string {
  if (position === undefined) return '';
  const before = Array.from(sql)
    .slice(0, Number(position) - 1)
    .join('');
  const start = before.lastIndexOf('\n') + 1;
  const line = /^[^\r\n]*/.exec(sql.slice(start))?.[0] ?? '';
  const number = before.split('\n').length;
  const column = before.length - start;
  // A long line is cut around the place.
  const from = Math.max(0, column - 60);
  const shown = line.slice(from, column + 60);
  return `\n  line ${number}: ${shown}\n  ${' '.repeat(`line ${number}: `.length + column - from)}^`;
}

/** What a failed connection means. */
export function connectFailure(error: unknown, config: PostgresConfig): RowcastError {
  if (error instanceof RowcastError) return error;
  const place = placeOf(config);
  const words = wordsOf(error);
  if (error instanceof pg.DatabaseError) return refusedConnection(error, config);
  if (isCertificateProblem(error)) {
    return new RowcastError(
      'source_tls_failed',
      `The certificate of ${place} could not be verified (${words}); install its authority on the worker (NODE_EXTRA_CA_CERTS), or set \`tls: require\` to encrypt without checking.`,
      { cause: error },
    );
  }
  if (/^(ERR_SSL|EPROTO)/.test(nodeCodeOf(error))) {
    return new RowcastError(
      'source_tls_failed',
      `The TLS handshake with ${place} failed (${words}); check that it is a PostgreSQL server, and which versions of TLS it offers.`,
      { cause: error },
    );
  }
  if (/does not support SSL/.test(words)) {
    return new RowcastError(
      'source_tls_failed',
      `The server at ${place} does not offer TLS; enable it there, or set \`tls: off\` where the network is trusted.`,
      { cause: error },
    );
  }
  return new RowcastError(
    'source_unreachable',
    `The database server ${place} cannot be reached (${words}); check host, port and firewall, and that it is running.`,
    { cause: error },
  );
}

function refusedConnection(error: pg.DatabaseError, config: PostgresConfig): RowcastError {
  const code = codeOf(error);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: `The user ${config.user} was refused at ${placeOf(config)}; check \`user\`, the secret ${config.password.secret}, and the server's pg_hba.conf.`,
    source_database_missing: `There is no database ${config.database} at ${placeOf(config)}; check \`database\`.`,
    source_permission_denied: `The user ${config.user} may not connect to the database ${config.database}; grant CONNECT on it.`,
    source_busy: `The server ${placeOf(config)} takes no more connections; the run tries again.`,
    source_connection_lost: `The server ${placeOf(config)} is starting or stopping; the run tries again.`,
  };
  const sentence = advice[code] ?? `The server ${placeOf(config)} refused the connection.`;
  return new RowcastError(code, `${sentence} PostgreSQL says: ${error.message}`, { cause: error });
}

/** Node has no words of its own where each address of a host failed, and few for a time-out. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  const words = messageOf(error);
  return words === 'timeout expired' ? 'it does not answer' : words;
}

function isCertificateProblem(error: unknown): boolean {
  return /^(ERR_TLS|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(nodeCodeOf(error));
}

function nodeCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** A connection that ended in the middle of something. */
function connectionLost(cause: unknown, config: PostgresConfig): RowcastError {
  return new RowcastError(
    'source_connection_lost',
    `The connection to ${placeOf(config)} was lost (${messageOf(cause)}); the run tries again.`,
    { cause },
  );
}

function placeOf({ host, port }: PostgresConfig): string {
  return `${host}:${port}`;
}
