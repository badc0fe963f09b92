import { RowcastError } from '../errors.ts';
import { isKey } from './keys.ts';

/** Where in which bucket a storage is. */
export interface S3Location {
  readonly bucket: string;
  /** Without slashes around it; empty where the whole bucket is the storage. */
  readonly prefix: string;
}

const SCHEME = /^s3:\/\//i;

/** The rules of S3 for names of buckets, and what servers of others allow besides. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,62}$/;

export function isS3Location(location: string): boolean {
  return SCHEME.test(location);
}

/** Reads `s3://bucket/prefix`. @throws RowcastError definition_invalid; it does not repeat what may be a secret. */
export function parseS3Location(location: string): S3Location {
  const [bucket = '', ...segments] = location.replace(SCHEME, '').replace(/\/+$/, '').split('/');
  const prefix = segments.join('/');
  if (location.includes('@') || location.includes('?')) {
    throw refused(
      'holds more than a bucket and a prefix, such as credentials; give those as AWS_… variables',
    );
  }
  if (!BUCKET.test(bucket))
    throw refused(`names the bucket ${JSON.stringify(bucket)}, which none can be called`);
  if (prefix !== '' && !isKey(prefix)) {
    throw refused(
      `has the prefix ${JSON.stringify(prefix)}; letters, digits, ".", "_", "=", "-" and single slashes can be in it`,
    );
  }
  return { bucket, prefix };
}

function refused(why: string): RowcastError {
  return new RowcastError(
    'definition_invalid',
    `ROWCAST_STORAGE ${why}. Give s3://BUCKET or s3://BUCKET/PREFIX.`,
  );
}
