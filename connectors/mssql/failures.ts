import { RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import { secretWords } from '../../secrets/reference.ts';
import { connectionLost, networkFailure, noTls } from '../networkFailures.ts';
import { placeInQuery } from '../queryFailures.ts';
import type { MssqlConfig } from './config.ts';

/**
 * Numbers of errors and what they mean for a sync. Source: SQL Server documentation, Database Engine events and errors;
 * those above 40000 are Azure's, Troubleshoot common connection issues to Azure SQL Database.
 */
const BY_NUMBER: readonly (readonly [FailureCode, readonly number[]])[] = [
  [
    'source_login_refused',
    [18452, 18456, 18458, 18459, 18461, 18470, 18486, 18487, 18488, 40532, 40615, 40914, 47073],
  ],
  ['source_database_missing', [911, 4060, 4064]],
  ['source_permission_denied', [229, 230, 262, 297, 300, 916, 976, 978, 15247]],
  ['query_not_read_only', [3906]],
  ['source_connection_lost', [596, 6005, 17142, 18401, 18451, 40143, 40166, 40197]],
  ['source_statement_timeout', [8649]],
  [
    'source_busy',
    [
      ...[
        601, 701, 802, 921, 922, 927, 983, 1204, 1205, 1222, 3957, 3960, 3961, 4221, 8645, 8651, 10928, 10929,
      ],
      ...[17809, 17810, 40501, 40544, 40549, 40550, 40551, 40552, 40553, 40613, 49918, 49919, 49920],
    ],
  ],
];

/** What the server says of a failure: an error of tedious's, or the message that came before one. */
export interface ServerError {
  readonly message: string;
  readonly number: number;
  /** From 11 on; from 20 on the server ends the connection. */
  readonly class: number;
  /** In the text that was sent, or in the procedure that is named; 0 where the server does not know. */
  readonly lineNumber: number;
  readonly procName?: string | undefined;
}

const ENDS_CONNECTION = 20;

/** What a failed query means. @param sql the query as it was sent, whose place in error is shown. */
export function queryFailure(error: unknown, config: MssqlConfig, sql: string): RowcastError {
  if (error instanceof RowcastError) return error;
  const server = serverErrorOf(error);
  if (server === null) return connectionLost(error, placeOf(config));
  const code = codeOf(server);
  const advice: Partial<Record<FailureCode, string>> = {
    query_not_read_only:
      'The query tries to write, and a sync only reads; nothing was changed. Make it a plain SELECT.',
    source_permission_denied: `The user ${config.user} lacks a right that the query needs; grant it.`,
    source_database_missing: 'The query names a database that does not exist, or that the user may not open.',
    source_statement_timeout:
      'The server refused the query, by its limit for what queries may cost; make it cheaper, or raise the limit.',
    source_busy: `The database ${placeOf(config)} is too busy for the query; the run tries again.`,
    source_connection_lost: `The connection to ${placeOf(config)} was ended by the server; the run tries again.`,
  };
  const sentence = advice[code] ?? 'The query failed; correct it.';
  return new RowcastError(code, `${sentence} ${wordsOf(server)}${placeOfError(server, sql)}`, {
    cause: error,
  });
}

/** Of several errors the first that is known, else the first; null where none is the server's. */
function serverErrorOf(error: unknown): ServerError | null {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const servers = errors.filter(isServerError);
  return servers.find((server) => codeOf(server) !== 'query_failed') ?? servers[0] ?? null;
}

function isServerError(error: unknown): error is ServerError {
  return typeof error === 'object' && error !== null && 'number' in error && typeof error.number === 'number';
}

function codeOf(error: ServerError): FailureCode {
  const [code] = BY_NUMBER.find(([, numbers]) => numbers.includes(error.number)) ?? [];
  return code ?? (error.class >= ENDS_CONNECTION ? 'source_connection_lost' : 'query_failed');
}

function wordsOf({ message, number }: ServerError): string {
  return `SQL Server says: ${message} (error ${number})`;
}

/** The server says in which line, and often which name in it; without that the line is that of the whole statement. */
function placeOfError({ message, lineNumber, procName = '' }: ServerError, sql: string): string {
  const [, single, double] = /'([^']+)'|"([^"]+)"/.exec(message) ?? [];
  const name = single ?? double;
  if (name === undefined || lineNumber < 1 || procName !== '') return '';
  const start = sql.split('\n', lineNumber - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const at = sql.toLowerCase().indexOf(name.toLowerCase(), start);
  return at === -1 ? '' : placeInQuery(sql, Array.from(sql.slice(0, at)).length);
}

/** Whether a snapshot is what the query cannot have: in another database, or of a table that is held in memory. */
export function isNoSnapshot(error: unknown): boolean {
  const number = serverErrorOf(error)?.number;
  return number === 3952 || number === 41332;
}

/** A word that no SELECT has. @param at where it stands in the query. */
export function notOnlyReading(sql: string, at: number, word: string): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    `The query has the word ${word}, which a SELECT that only reads has no place for, so it was not run, and nothing was changed: a sync only reads. Make it a plain SELECT; what is called ${word} stands in brackets, [${word}].${wordInQuery(sql, at)}`,
  );
}

export function asksAnotherServer(sql: string, at: number, word: string): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    `The query hands text to another server by ${word}, which might write there, so it was not run, and nothing was changed. Name what it reads as server.database.schema.table instead.${wordInQuery(sql, at)}`,
  );
}

export function movesSequence(sql: string, at: number): RowcastError {
  return new RowcastError(
    'query_not_read_only',
    `The query takes a number from a sequence, which no rollback gives back, so it was not run, and nothing was changed: a sync only reads. Leave out NEXT VALUE FOR.${wordInQuery(sql, at)}`,
  );
}

function wordInQuery(sql: string, at: number): string {
  return placeInQuery(sql, Array.from(sql.slice(0, at)).length);
}

/** What a failed connection means. @param said what the server answered to the login, if anything. */
export function connectFailure(
  error: unknown,
  config: MssqlConfig,
  said: readonly ServerError[],
): RowcastError {
  if (error instanceof RowcastError) return error;
  const server = serverErrorOf(new AggregateError(said)) ?? serverErrorOf(error);
  if (server !== null) return refusedConnection(server, config);
  const place = placeOf(config);
  switch (codeOfDriver(error)) {
    case 'EENCRYPT':
      return config.tls === 'off' ? needsTls(error, place) : noTls(error, place);
    case 'ETIMEOUT':
      return networkFailure(new Error('timeout expired', { cause: error }), place, 'SQL');
    case 'ESOCKET':
      return networkFailure(error instanceof Error ? (error.cause ?? error) : error, place, 'SQL');
    default:
      return networkFailure(error, place, 'SQL');
  }
}

function codeOfDriver(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function needsTls(cause: unknown, place: string): RowcastError {
  return new RowcastError(
    'source_tls_failed',
    `The server ${place} takes no connections without TLS; set \`tls: verify\` or \`tls: require\`.`,
    { cause },
  );
}

/** What has no number of its own here is a login that the server did not take. */
function refusedConnection(error: ServerError, config: MssqlConfig): RowcastError {
  const known = codeOf(error);
  const code = known === 'query_failed' ? 'source_login_refused' : known;
  const place = placeOf(config);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: `The user ${config.user} was refused at ${place}; check \`user\`, ${secretWords(config.password)}, and that the server takes SQL Server logins and lets this worker's address in.`,
    source_database_missing: `There is no database ${config.database} at ${place}, or the user ${config.user} may not open it; check \`database\`, or CREATE USER in it.`,
    source_permission_denied: `The user ${config.user} may not use the database ${config.database} at ${place}.`,
    source_busy: `The server ${place} takes no more connections now; the run tries again.`,
    source_connection_lost: `The server ${place} is starting or stopping; the run tries again.`,
  };
  const sentence = advice[code] ?? `The server ${place} refused the connection.`;
  return new RowcastError(code, `${sentence} ${wordsOf(error)}`, { cause: new Error(error.message) });
}

function placeOf({ host, port }: MssqlConfig): string {
  return `${host}:${port}`;
}

/** A secondary whose data are from an unknown time: a clock that is too late would make rows go missing. */
export function secondaryStopped(config: MssqlConfig): RowcastError {
  return new RowcastError(
    'source_busy',
    `The database ${config.database} at ${placeOf(config)} is a readable secondary that does not say how far its data reaches; the run tries again. Resume its synchronization.`,
  );
}
