import pg from 'pg';
import { messageOf, RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import { secretWords } from '../../secrets/reference.ts';
import { connectionLost, networkFailure, noTls } from '../networkFailures.ts';
import { multipleStatements, placeInQuery } from '../queryFailures.ts';
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
  if (!(error instanceof pg.DatabaseError)) return connectionLost(error, placeOf(config));
  const code = codeOf(error);
  const words = `PostgreSQL says: ${error.message} (SQLSTATE ${error.code ?? '?'})`;
  if (/cannot insert multiple commands/.test(error.message)) return multipleStatements(error);
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
  const place = error.position === undefined ? '' : placeInQuery(sql, Number(error.position) - 1);
  return new RowcastError(code, `${sentence} ${words}${place}`, { cause: error });
}

function codeOf({ code: state = '' }: pg.DatabaseError): FailureCode {
  return BY_SQLSTATE.find(([pattern]) => pattern.test(state))?.[1] ?? 'query_failed';
}

/** What a failed connection means. */
export function connectFailure(error: unknown, config: PostgresConfig): RowcastError {
  if (error instanceof RowcastError) return error;
  if (error instanceof pg.DatabaseError) return refusedConnection(error, config);
  if (/does not support SSL/.test(messageOf(error))) return noTls(error, placeOf(config));
  return networkFailure(error, placeOf(config), 'PostgreSQL');
}

function refusedConnection(error: pg.DatabaseError, config: PostgresConfig): RowcastError {
  const code = codeOf(error);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: `The user ${config.user} was refused at ${placeOf(config)}; check \`user\`, ${secretWords(config.password)}, and the server's pg_hba.conf.`,
    source_database_missing: `There is no database ${config.database} at ${placeOf(config)}; check \`database\`.`,
    source_permission_denied: `The user ${config.user} may not connect to the database ${config.database}; grant CONNECT on it.`,
    source_busy: `The server ${placeOf(config)} takes no more connections; the run tries again.`,
    source_connection_lost: `The server ${placeOf(config)} is starting or stopping; the run tries again.`,
  };
  const sentence = advice[code] ?? `The server ${placeOf(config)} refused the connection.`;
  return new RowcastError(code, `${sentence} PostgreSQL says: ${error.message}`, { cause: error });
}

function placeOf({ host, port }: PostgresConfig): string {
  return `${host}:${port}`;
}
