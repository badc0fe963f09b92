import { messageOf, RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import { secretWords } from '../../secrets/reference.ts';
import type { SecretReference } from '../../secrets/reference.ts';
import { networkFailure } from '../networkFailures.ts';
import { multipleStatements, notASelect, placeInQuery } from '../queryFailures.ts';
import type { SnowflakeConfig } from './config.ts';

/**
 * Numbers of errors and what they mean for a sync. Source: the drivers' own lists and Snowflake's documentation of
 * session, key-pair and network policies; it has no list of all.
 */
const BY_NUMBER: readonly (readonly [FailureCode, readonly string[]])[] = [
  [
    'source_login_refused',
    [
      '390100',
      '390101',
      '390102',
      '390106',
      '390127',
      '390144',
      '390197',
      '390422',
      '390432',
      '394300',
      '394304',
    ],
  ],
  ['source_database_missing', ['090105', '090106', '390201', '390202']],
  ['source_permission_denied', ['003001', '000606', '390186', '390189']],
  ['source_connection_lost', ['390104', '390111', '390112', '390114', '390195', '390318']],
  ['source_busy', ['000629', '000631', '390115']],
  ['source_statement_timeout', ['000604', '000630']],
  ['limit_exceeded', ['090073']],
];

const EMPTY_STATEMENT = '000900';
const SEVERAL_STATEMENTS = '000008';
const INVALID_TOKEN = '390144';
const NOT_ALLOWED_FROM_HERE = ['390422', '390432'];

/** A failure as the driver tells it. */
interface DriverError extends Error {
  /** Snowflake's own number as text; where the driver failed, the driver's as a number. */
  readonly code?: string | number;
  readonly sqlState?: string;
  readonly response?: { readonly statusCode?: number };
}

/** What a failed query means. @param sql the query as it was sent, whose place in error is shown. */
export function queryFailure(error: unknown, config: SnowflakeConfig, sql: string): RowcastError {
  if (error instanceof RowcastError) return error;
  const number = serversNumber(error);
  if (number === null) return connectionLost(error, config);
  if (number === EMPTY_STATEMENT) return notASelect();
  if (number === SEVERAL_STATEMENTS) return multipleStatements(cause(error));
  const code = codeOf(number);
  const advice: Partial<Record<FailureCode, string>> = {
    source_permission_denied: `The user ${config.user} lacks a right that the query needs, or a warehouse to run it; check \`role\` and \`warehouse\`, and grant it.`,
    source_database_missing: `There is no database ${config.database} or schema ${config.schema} for the user ${config.user}; check \`database\`, \`schema\` and \`role\`.`,
    source_statement_timeout:
      'Snowflake stopped the query, by a time-out of the account, user or warehouse or by somebody’s command; make it faster, or raise the time-out.',
    source_busy: 'Snowflake is too busy for the query; the run tries again.',
    source_connection_lost: `The session at ${placeOf(config)} has ended; the run tries again.`,
    limit_exceeded: `The warehouse ${config.warehouse} has used up what its resource monitor allows; raise its quota, or wait.`,
  };
  const sentence = advice[code] ?? 'The query failed; correct it.';
  const words = messageOf(error);
  return new RowcastError(code, `${sentence} ${wordsOf(error, number)}${placeOfError(sql, words)}`, {
    cause: cause(error),
  });
}

/** What a failed sign-in means. */
export function connectFailure(error: unknown, config: SnowflakeConfig): RowcastError {
  if (error instanceof RowcastError) return error;
  const number = serversNumber(error);
  if (number !== null) return refusedSignIn(error, number, config);
  const status = (error as DriverError).response?.statusCode;
  if (status === 403 || status === 404) {
    return new RowcastError(
      'source_login_refused',
      `There is no account at ${placeOf(config)} (HTTP ${status}); check \`account\`, which is ORGANIZATION-NAME or has its region behind a dot, and \`url\`.`,
      { cause: cause(error) },
    );
  }
  return networkFailure(rootOf(error), placeOf(config), 'Snowflake');
}

function refusedSignIn(error: unknown, number: string, config: SnowflakeConfig): RowcastError {
  const code = codeOf(number);
  const place = placeOf(config);
  const reference = config.privateKey ?? config.password;
  const secret = reference === undefined ? 'its secret' : secretWords(reference);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: NOT_ALLOWED_FROM_HERE.includes(number)
      ? `The account ${place} lets nobody in from the worker's address; add that to its network policy.`
      : number === INVALID_TOKEN
        ? `The key of the user ${config.user} was refused at ${place}; check \`account\` and \`user\`, that ${secret} is the private key of the user's RSA_PUBLIC_KEY, and the worker's clock.`
        : `The user ${config.user} was refused at ${place}; check \`user\` and ${secret}.`,
    source_permission_denied: `The user ${config.user} does not have the role ${config.role ?? 'that it has by default'}; check \`role\`, or grant it.`,
    source_busy: `The account ${place} takes no more sessions; the run tries again.`,
  };
  const sentence = advice[code] ?? `The account ${place} refused the sign-in.`;
  const final = code === 'query_failed' ? 'source_login_refused' : code;
  return new RowcastError(final, `${sentence} ${wordsOf(error, number)}`, { cause: cause(error) });
}

/** A database that the session did not get: Snowflake signs in all the same. */
export function databaseMissing({ account, database, schema, user }: SnowflakeConfig): RowcastError {
  return new RowcastError(
    'source_database_missing',
    `There is no database ${database} with a schema ${schema} at ${account} that the user ${user} may use; check \`database\`, \`schema\` and \`role\`, or grant USAGE on both.`,
  );
}

/** @param reason what is wrong with it; never the key. */
export function unusableKey(reference: SecretReference, reason: string): RowcastError {
  return new RowcastError(
    'source_login_refused',
    `What \`privateKey\` names (${secretWords(reference)}) is no private key that can be used: ${reason}. It must be an RSA key as PKCS#8 in PEM ("-----BEGIN PRIVATE KEY-----", or ENCRYPTED PRIVATE KEY with its \`passphrase\`).`,
  );
}

/** A statement that is piped into another, of which Snowflake would describe the last alone. */
export function flowOfStatements(): RowcastError {
  return new RowcastError(
    'query_multiple_statements',
    'The query holds more than one statement, joined by "->>"; keep one SELECT.',
  );
}

/** A setting of the account's that cuts results. */
export function cutResult(returned: number, total: number): RowcastError {
  return new RowcastError(
    'limit_exceeded',
    `Snowflake hands over ${returned} of the ${total} rows that the query has; nothing was sent. Look for a limit such as ROWS_PER_RESULTSET.`,
  );
}

/** @param what did not come. */
export function brokenChunk(what: string): RowcastError {
  return new RowcastError(
    'source_connection_lost',
    `The result of the query did not come whole: ${what}; the run tries again.`,
  );
}

function connectionLost(error: unknown, config: SnowflakeConfig): RowcastError {
  return new RowcastError(
    'source_connection_lost',
    `The connection to ${placeOf(config)} was lost (${messageOf(rootOf(error))}); the run tries again.`,
    { cause: cause(error) },
  );
}

/** Whether a failure says nothing of the statement, but of the way to it. */
export function isConnectionLost(error: unknown): boolean {
  const number = serversNumber(error);
  return number === null || codeOf(number) === 'source_connection_lost';
}

/** Its number, where the server itself reports a failure. */
function serversNumber(error: unknown): string | null {
  const { code } = error as DriverError;
  return typeof code === 'string' && /^\d{6}$/.test(code) ? code : null;
}

function codeOf(number: string): FailureCode {
  return BY_NUMBER.find(([, numbers]) => numbers.includes(number))?.[0] ?? 'query_failed';
}

function wordsOf(error: unknown, number: string): string {
  const { sqlState } = error as DriverError;
  const words = messageOf(error)
    .trim()
    .replace(/\s*\n\s*/g, ' ');
  return `Snowflake says: ${words} (error ${number}${sqlState === undefined ? '' : `, SQLSTATE ${sqlState}`})`;
}

/** What was wrong below the driver's own words. */
function rootOf(error: unknown): unknown {
  const inner = error instanceof Error ? error.cause : undefined;
  return inner === undefined ? error : rootOf(inner);
}

/** The driver's errors carry whole answers; their words are enough. */
function cause(error: unknown): Error {
  return new Error(messageOf(error));
}

/** Snowflake counts lines from 1 and characters of a line from 0. */
function placeOfError(sql: string, message: string): string {
  const [, line = '', position = ''] = /error line (\d+) at position (-?\d+)/.exec(message) ?? [];
  if (line === '' || Number(position) < 0) return '';
  const before = sql.split('\n').slice(0, Number(line) - 1);
  const start = before.reduce((sum, text) => sum + Array.from(text).length + 1, 0);
  return placeInQuery(sql, start + Number(position));
}

function placeOf({ account, url }: SnowflakeConfig): string {
  return url ?? account;
}
