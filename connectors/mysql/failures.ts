import { messageOf, RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import { secretWords } from '../../secrets/reference.ts';
import { connectionLost, networkFailure, noTls } from '../networkFailures.ts';
import { multipleStatements, notAQuery, placeInQuery } from '../queryFailures.ts';
import type { MysqlConfig } from './config.ts';

/**
 * Numbers of errors and what they mean for a sync. Source: MySQL, Server Error Message Reference; MariaDB, Error
 * Codes (those from 1900 on, and above 4000, are MariaDB's own).
 */
const BY_NUMBER: readonly (readonly [FailureCode, readonly number[]])[] = [
  ['source_login_refused', [1045, 1129, 1130, 1251, 1698, 1820, 1862, 3118, 4151]],
  ['source_database_missing', [1049]],
  ['source_permission_denied', [1044, 1142, 1143, 1227, 1345, 1370, 3530]],
  ['source_tls_failed', [3159]],
  ['query_not_read_only', [1290, 1792, 1836]],
  ['source_connection_lost', [1053, 1077, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031]],
  ['source_busy', [1021, 1037, 1038, 1040, 1041, 1135, 1203, 1205, 1213, 1226]],
  ['source_statement_timeout', [1317, 1969, 3024]],
];

/** A failure that the server itself reports. */
interface ServerError extends Error {
  readonly errno: number;
  readonly sqlState: string;
}

/** An empty query, and a command that cannot be prepared: no query is among those. */
const NO_QUERY = [1065, 1295];
const SYNTAX_ERROR = 1064;

/** What a failed query means. @param sql the query as it was sent, whose place in error is shown. */
export function queryFailure(error: unknown, config: MysqlConfig, sql: string): RowcastError {
  if (error instanceof RowcastError) return error;
  if (!isServerError(error)) return connectionLost(error, placeOf(config));
  if (NO_QUERY.includes(error.errno)) return notAQuery();
  const at = error.errno === SYNTAX_ERROR ? placeOfSyntaxError(sql, error.message) : null;
  if (at !== null && /;\s*$/.test(sql.slice(0, at)) && sql.slice(at).trim() !== '') {
    return multipleStatements(error);
  }
  const code = codeOf(error);
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
  const place = at === null ? '' : placeInQuery(sql, Array.from(sql.slice(0, at)).length);
  return new RowcastError(code, `${sentence} ${wordsOf(error)}${place}`, { cause: error });
}

/** A query with a `?` outside of quotes, which stands for a value. */
export function hasParameters(): RowcastError {
  return new RowcastError(
    'query_failed',
    'The query has parameters ("?" outside of quotes), and nobody gives them values; write the values themselves.',
  );
}

/** What a failed connection means. */
export function connectFailure(error: unknown, config: MysqlConfig): RowcastError {
  if (error instanceof RowcastError) return error;
  if (isServerError(error)) return refusedConnection(error, config);
  const place = placeOf(config);
  const driversCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (driversCode === 'HANDSHAKE_NO_SSL_SUPPORT') return noTls(error, place);
  if (/^(AUTH_SWITCH_PLUGIN_ERROR|MYSQL_CLEAR_PASSWORD_NOT_ENABLED)$/.test(driversCode)) {
    return new RowcastError(
      'source_login_refused',
      `The server ${place} asks for a way of signing in that Rowcast does not have (${messageOf(error)}); give the user ${config.user} a password of the server's default kind.`,
      { cause: error },
    );
  }
  return networkFailure(error, place, 'MySQL or MariaDB');
}

function refusedConnection(error: ServerError, config: MysqlConfig): RowcastError {
  const code = codeOf(error);
  const place = placeOf(config);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: `The user ${config.user} was refused at ${place}; check \`user\`, ${secretWords(config.password)}, and from which hosts the user may come.`,
    source_database_missing: `There is no database ${config.database} at ${place}; check \`database\`.`,
    source_permission_denied: `The user ${config.user} may not use the database ${config.database}, or there is none; check \`database\`, or grant SELECT on it.`,
    source_busy: `The server ${place} takes no more connections; the run tries again.`,
    source_connection_lost: `The server ${place} is starting or stopping; the run tries again.`,
    source_tls_failed: `The server ${place} takes no connections without TLS; set \`tls: verify\` or \`tls: require\`.`,
  };
  const sentence = advice[code] ?? `The server ${place} refused the connection.`;
  return new RowcastError(code, `${sentence} ${wordsOf(error)}`, { cause: error });
}

/** A replica whose data are from an unknown time: a clock that is too late would make rows go missing. */
export function replicaStopped(config: MysqlConfig): RowcastError {
  return new RowcastError(
    'source_busy',
    `The server ${placeOf(config)} is a replica that does not replicate now, so that nobody knows how far its data reaches; the run tries again. Start its replication, or RESET REPLICA ALL where it is none any more.`,
  );
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'errno' in error && 'sqlState' in error;
}

function codeOf({ errno }: ServerError): FailureCode {
  return BY_NUMBER.find(([, numbers]) => numbers.includes(errno))?.[0] ?? 'query_failed';
}

function wordsOf({ message, errno, sqlState }: ServerError): string {
  return `The server says: ${message} (error ${errno}, SQLSTATE ${sqlState})`;
}

/** Where the text begins that the server quotes as wrong, of which it cuts the end; null where it does not say. */
function placeOfSyntaxError(sql: string, message: string): number | null {
  const [, near = '', line = ''] = /near '(.*)' at line (\d+)$/s.exec(message) ?? [];
  if (line === '') return null;
  const start = sql.split('\n', Number(line) - 1).reduce((sum, before) => sum + before.length + 1, 0);
  if (near === '') return sql.trimEnd().length;
  const places = [near, near.replace(/\.{3}$/, '')].map((quoted) => sql.indexOf(quoted, start));
  return places.find((at) => at !== -1) ?? null;
}

function placeOf({ host, port }: MysqlConfig): string {
  return `${host}:${port}`;
}
