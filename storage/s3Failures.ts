import { RowcastError } from '../errors.ts';

/** What was asked of which bucket, for messages. */
export interface S3Request {
  /** The permission that it needs, as a bucket's policy names it. */
  readonly action: 's3:GetObject' | 's3:PutObject' | 's3:ListBucket' | 's3:DeleteObject';
  /** What it was about: `s3://bucket/key`. */
  readonly target: string;
  readonly bucket: string;
  /** The endpoint where it is no one of AWS's own; without what may be a secret. */
  readonly endpoint: string | null;
}

/** What the SDK throws, in so far as it says what is wrong. */
interface Thrown {
  readonly name: string;
  readonly message: string;
  /** The service's own code, or that of a system call that failed. */
  readonly Code?: string;
  readonly code?: string;
  /** Where the bucket is, as some answers say. */
  readonly Region?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  ...['CredentialsProviderError', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'],
  ...['ExpiredTokenException', 'InvalidToken', 'InvalidClientTokenId', 'TokenRefreshRequired'],
  'XAdminUserNotFound',
]);
const CLOCK: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);
const FULL: ReadonlySet<string> = new Set(['InsufficientStorage', 'QuotaExceeded', 'XMinioStorageFull']);
const REGION: ReadonlySet<string> = new Set([
  ...['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'],
  'IncorrectEndpoint',
]);
/** How Node says that a certificate is not trusted. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

/** The service's code for what it threw, such as `NoSuchBucket`; undefined where the service threw nothing. */
export function s3CodeOf(error: unknown): string | undefined {
  const { name, Code, $metadata } = error as Thrown;
  return $metadata?.httpStatusCode === undefined ? undefined : (Code ?? name);
}

export function s3StatusOf(error: unknown): number | undefined {
  return (error as Thrown).$metadata?.httpStatusCode;
}

/** The user's sentence for what failed; what is a bug, and no failure of S3, stays as it is. */
export function explainS3(error: unknown, request: S3Request): unknown {
  if (!(error instanceof Error) || error instanceof RowcastError) return error;
  const thrown = error as Thrown;
  const status = thrown.$metadata?.httpStatusCode;
  const name = s3CodeOf(error) ?? thrown.name;
  const where = `The bucket ${request.bucket}${request.endpoint === null ? '' : ` at ${request.endpoint}`}`;
  const fail = (code: 'storage_unreachable' | 'storage_full', sentence: string) =>
    new RowcastError(code, sentence, { cause: error });

  if (name === 'NoSuchBucket') {
    return fail('storage_unreachable', `${where} does not exist; create it, or correct ROWCAST_STORAGE.`);
  }
  if (CREDENTIALS.has(name)) return fail('storage_unreachable', refusedCredentials(where, name));
  if (CLOCK.has(name)) {
    return fail(
      'storage_unreachable',
      `${where} refuses requests of this machine, since its clock is wrong (${name}); set it right.`,
    );
  }
  if (REGION.has(name) || status === 301 || thrown.message === 'Region is missing') {
    return fail('storage_unreachable', otherRegion(where, thrown));
  }
  if (FULL.has(name) || status === 507) {
    return fail('storage_full', `${where} is full (${name}); make room, and the work goes on.`);
  }
  if (status === 401 || status === 403) {
    return fail(
      'storage_unreachable',
      `${where} refuses ${request.action} of ${request.target} (${name}); allow it to these credentials; docs/operating.md has the policy.`,
    );
  }
  if (status !== undefined)
    return fail('storage_unreachable', answered(where, request, { status, name, thrown }));
  const reason = networkReason(thrown);
  if (reason === null) return error;
  const what = CERTIFICATE.test(thrown.code ?? '')
    ? 'trust its certificate with NODE_EXTRA_CA_CERTS'
    : 'check AWS_ENDPOINT_URL_S3 and the network';
  return fail(
    'storage_unreachable',
    `${where} cannot be reached (${reason}); ${what}, and the work goes on.`,
  );
}

function refusedCredentials(where: string, name: string): string {
  return `${where} does not accept the credentials (${name}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine.`;
}

function otherRegion(where: string, { Region, $response, message }: Thrown): string {
  const region = Region ?? $response?.headers?.['x-amz-bucket-region'];
  if (message === 'Region is missing') return `${where} has a region, and none is set; set AWS_REGION to it.`;
  return `${where} is in another region${region === undefined ? '' : `, ${region}`}; set AWS_REGION to it.`;
}

interface Answer {
  readonly status: number;
  readonly name: string;
  readonly thrown: Thrown;
}

function answered(where: string, { action, target }: S3Request, { status, name, thrown }: Answer): string {
  const answer = `${where} answered ${action} of ${target} with ${status} ${name}`;
  if (status >= 500 || status === 429) return `${answer}; the work goes on once it answers as it should.`;
  return `${answer}: ${thrown.message}. See that it is an S3 that keeps to AWS's protocol.`;
}

/** Null where it is none of the network's failures. */
function networkReason({ name, code, message }: Thrown): string | null {
  if (code !== undefined && /^[A-Z][A-Z0-9_]+$/.test(code) && !code.startsWith('ERR_INVALID')) return code;
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return /aborted|socket hang up/.test(message) ? message : null;
}
