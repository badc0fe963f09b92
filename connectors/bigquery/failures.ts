import { messageOf, RowcastError } from '../../errors.ts';
import type { FailureCode } from '../../errors.ts';
import { secretWords } from '../../secrets/reference.ts';
import type { SecretReference } from '../../secrets/reference.ts';
import { connectionLost, networkFailure } from '../networkFailures.ts';
import { placeInQuery } from '../queryFailures.ts';
import type { BigqueryConfig } from './config.ts';

/** Reasons that the service gives, and what they mean for a sync. Source: BigQuery, Error messages. */
const BY_REASON: readonly (readonly [FailureCode, readonly string[]])[] = [
  ['source_login_refused', ['authError', 'required', 'invalidUser']],
  [
    'source_permission_denied',
    ['accessDenied', 'accessNotConfigured', 'forbidden', 'billingNotEnabled', 'blocked'],
  ],
  ['limit_exceeded', ['bytesBilledLimitExceeded']],
  ['source_statement_timeout', ['stopped', 'timeout']],
  [
    'source_busy',
    [
      ...['backendError', 'internalError', 'jobBackendError', 'jobInternalError', 'tableUnavailable'],
      ...[
        'rateLimitExceeded',
        'userRateLimitExceeded',
        'jobRateLimitExceeded',
        'quotaExceeded',
        'resourceInUse',
      ],
    ],
  ],
];

/** A failure that the service itself reports. */
interface ServiceError extends Error {
  readonly code: number;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
}

/** What a failed query means. @param sql the query as it was sent, whose place in error is shown. */
export function queryFailure(error: unknown, config: BigqueryConfig, sql: string): RowcastError {
  if (error instanceof RowcastError) return error;
  if (!isServiceError(error))
    return signInFailure(error, config) ?? connectionLost(bare(error), placeOf(config));
  const code = codeOf(error);
  const advice: Partial<Record<FailureCode, string>> = {
    source_login_refused: loginAdvice(config),
    source_permission_denied: `${accountOf(config)} lacks a right that the query needs, in the project ${config.project} or on the tables; grant it.`,
    source_database_missing:
      'There is no such project or dataset; check `project`, `dataset`, `location` and the query.',
    limit_exceeded:
      'The query would be billed for more than `maximumBytesBilled`, so it was not run; read less, or raise that.',
    source_statement_timeout:
      'The job was stopped, by a time-out or an administrator’s command; make the query faster, or raise the time-out.',
    source_busy: `BigQuery, or what the project ${config.project} may use of it, is too busy for the query; the run tries again.`,
  };
  const sentence = advice[code] ?? 'The query failed; correct it.';
  return new RowcastError(code, `${sentence} ${wordsOf(error)}${placeOfFault(error, sql)}`, {
    cause: bare(error),
  });
}

/** What it means that the service could not be asked for the first time. */
export function connectFailure(error: unknown, config: BigqueryConfig): RowcastError {
  if (error instanceof RowcastError || isServiceError(error)) return queryFailure(error, config, '');
  const refused = signInFailure(error, config);
  if (refused !== null) return refused;
  const place = placeOf(config);
  const failure = networkFailure(bare(error), place, 'BigQuery');
  if (failure.code !== 'source_tls_failed') return failure;
  return new RowcastError(
    'source_tls_failed',
    `The connection to ${place} could not be made safe (${messageOf(error)}); check \`endpoint\`, and install its authority on the worker (NODE_EXTRA_CA_CERTS) where it has one of its own.`,
    { cause: bare(error) },
  );
}

/** A secret that is no service account's key. */
export function badKey(reference: SecretReference, reason: string): RowcastError {
  return new RowcastError(
    'source_login_refused',
    `The text of ${secretWords(reference)} is not the key of a service account (${reason}); make it the whole JSON text that Google Cloud hands out.`,
  );
}

/** A statement of a kind that may do more than read. */
export function isScript(): RowcastError {
  return new RowcastError(
    'query_multiple_statements',
    'The query is a script, of more than one statement or of a command such as CALL or EXECUTE IMMEDIATE; it was not run. Keep one SELECT, and remove everything after the first ";".',
  );
}

/** Google's driver puts the name of the project in for it, in the middle of a literal too. */
export function holdsProjectId(): RowcastError {
  return new RowcastError(
    'query_failed',
    "The query holds {{projectId}}, which BigQuery's driver would replace; it was not run. Write the project's name, or, for the text itself, CONCAT('{', '{projectId}}').",
  );
}

/** A result of which the service says that it has more or fewer rows. */
export function resultCutShort(read: number, total: string): RowcastError {
  return new RowcastError(
    'source_connection_lost',
    `BigQuery answered ${read} rows of a result of ${total}; the run tries again.`,
  );
}

/** A query for the clock that waits its turn for too long. */
export function clockNotRead(): RowcastError {
  return new RowcastError(
    'source_busy',
    'BigQuery did not answer what time it is there; the run tries again.',
  );
}

export const isDuplicate = (error: unknown) => isServiceError(error) && error.code === 409;
export const isNotFound = (error: unknown) => isServiceError(error) && error.code === 404;

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'errors' in error;
}

function codeOf(error: ServiceError): FailureCode {
  const reason = error.errors?.[0]?.reason ?? '';
  const known = BY_REASON.find(([, reasons]) => reasons.includes(reason));
  if (known !== undefined) return known[0];
  if (reason === 'notFound')
    return /Not found: (Project|Dataset)/.test(error.message) ? 'source_database_missing' : 'query_failed';
  if (error.code === 401) return 'source_login_refused';
  if (error.code === 403) return 'source_permission_denied';
  return error.code === 408 || error.code === 429 || error.code >= 500 ? 'source_busy' : 'query_failed';
}

/** What cannot sign in never reaches the service; null where that is not it. */
function signInFailure(error: unknown, config: BigqueryConfig): RowcastError | null {
  const words = messageOf(error);
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
  const isRefused =
    /default credentials|invalid_grant|invalid_client|unauthorized_client|private key|DECODER|PEM|client_email/i.test(
      words,
    ) ||
    (status >= 400 && status < 500 && status !== 429);
  if (!isRefused) return null;
  return new RowcastError('source_login_refused', `${loginAdvice(config)} Google says: ${words}`, {
    cause: bare(error),
  });
}

function loginAdvice({ key }: BigqueryConfig): string {
  return key === undefined
    ? 'The worker has no application default credentials that Google takes; set GOOGLE_APPLICATION_CREDENTIALS there, give its machine a service account, or set `key`.'
    : `Google did not take the key in ${secretWords(key)}; check that it is whole, and that it still exists.`;
}

function accountOf({ key }: BigqueryConfig): string {
  return key === undefined ? 'The worker’s own account' : `The service account of ${secretWords(key)}`;
}

function wordsOf(error: ServiceError): string {
  const { reason, message } = error.errors?.[0] ?? {};
  return `BigQuery says: ${message ?? error.message} (${reason ?? 'status'}, ${error.code})`;
}

/** The service ends with `at [2:15]`, line and character, where it knows. */
function placeOfFault(error: ServiceError, sql: string): string {
  const [, line, column] = /at \[(\d+):(\d+)\]/.exec(error.message) ?? [];
  if (line === undefined || column === undefined) return '';
  const before = sql.split('\n').slice(0, Number(line) - 1);
  const chars = before.reduce((sum, text) => sum + Array.from(text).length + 1, 0);
  return placeInQuery(sql, chars + Number(column) - 1);
}

function placeOf({ endpoint }: BigqueryConfig): string {
  return new URL(endpoint).host;
}

/** The driver's errors hold the request, and with it what signs it. */
function bare(error: unknown): Error {
  const copy = new Error(messageOf(error));
  return error instanceof Error && 'code' in error ? Object.assign(copy, { code: error.code }) : copy;
}
