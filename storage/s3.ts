import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RowcastError } from '../errors.ts';
import { IDENTITY_KEY, idIn, newIdentityFile } from './identity.ts';
import { isKey, mustBeKey } from './keys.ts';
import { explain } from './localFailures.ts';
import type { Place } from './localFailures.ts';
import { removeAbandoned } from './localFiles.ts';
import { ABANDONED_AFTER_MS, LocalScratch } from './localScratch.ts';
import { S3Bucket } from './s3Bucket.ts';
import { parseS3Location } from './s3Location.ts';
import type { Scratch, Storage, StorageIdentity } from './storage.ts';

const SCRATCH_PREFIX = 'rowcast-scratch-';

/** A key that no object has: to delete it shows whether deleting is allowed. */
const NO_OBJECT = 'storage.json.none';

/**
 * Opens a prefix of a bucket as a storage, with an identity of its own where it is new. It tries out all that it is
 * going to need, so that what is not allowed or not supported is known before the first run.
 *
 * @throws RowcastError storage_unreachable, storage_full, storage_corrupt; definition_invalid for an endpoint that
 * cannot create objects only where there are none.
 */
export async function openS3Storage(location: string): Promise<Storage> {
  const at = parseS3Location(location);
  const bucket = new S3Bucket(at);
  const url = urlOf(at);
  await bucket.list('', 1);
  await bucket.delete([NO_OBJECT]);
  if ((await bucket.read(IDENTITY_KEY)) === null) await bucket.create(IDENTITY_KEY, newIdentityFile());
  const file = await bucket.read(IDENTITY_KEY);
  const identity = await readIdentity(bucket, url);
  // To write it again with the same content does no harm, and has to be refused.
  if (file === null || identity === null || (await bucket.create(IDENTITY_KEY, file))) {
    throw new RowcastError(
      'definition_invalid',
      `The bucket ${at.bucket} does not refuse to overwrite an object (\`If-None-Match: *\`), so that workers could not share it safely. Set ROWCAST_STORAGE to a bucket of a service that supports conditional writes.`,
    );
  }
  // Others' leftovers in that folder are none of ours.
  await removeAbandoned(tmpdir(), ABANDONED_AFTER_MS, SCRATCH_PREFIX).catch(() => undefined);
  return new S3Storage(bucket, identity);
}

/** The storage that is at a location, or null where there is none; nothing is created. @throws RowcastError */
export async function findS3Storage(location: string): Promise<Storage | null> {
  const at = parseS3Location(location);
  const bucket = new S3Bucket(at);
  const identity = await readIdentity(bucket, urlOf(at));
  return identity && new S3Storage(bucket, identity);
}

const urlOf = ({ bucket, prefix }: ReturnType<typeof parseS3Location>) =>
  prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;

async function readIdentity(bucket: S3Bucket, url: string): Promise<StorageIdentity | null> {
  const file = await bucket.read(IDENTITY_KEY);
  if (file === null) return null;
  try {
    return { id: idIn(String(file)), location: url };
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The object ${url}/${IDENTITY_KEY} is not what this version of Rowcast writes there; restore it, or set ROWCAST_STORAGE to another prefix.`,
      { cause: error },
    );
  }
}

class S3Storage implements Storage {
  readonly identity: StorageIdentity;
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket, identity: StorageIdentity) {
    this.#bucket = bucket;
    this.identity = identity;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    mustBeKey(key);
    if (await this.#bucket.create(key, body)) return;
    throw new RowcastError(
      'storage_corrupt',
      `The object ${key} in ${this.identity.location} exists already and is never overwritten; make sure that nothing but Rowcast writes there, and try again.`,
    );
  }

  async get(key: string, from = 0, memory?: Buffer): Promise<Buffer | null> {
    mustBeKey(key);
    const bytes = await this.#bucket.read(key, from, memory);
    if (bytes === null) await this.#mustBeThere();
    return bytes;
  }

  async list(folder: string): Promise<string[]> {
    mustBeKey(folder);
    const keys = (await this.#bucket.list(`${folder}/`)).filter(isKey).sort();
    if (keys.length === 0) await this.#mustBeThere();
    return keys;
  }

  async remove(key: string): Promise<void> {
    mustBeKey(key);
    await this.#bucket.delete([key, ...(await this.#bucket.list(`${key}/`))]);
  }

  async removeObjects(keys: readonly string[]): Promise<void> {
    for (const key of keys) mustBeKey(key);
    await this.#bucket.delete(keys);
  }

  /** On this machine's own disk: only the job that fills it reads it. */
  async scratch(): Promise<Scratch> {
    const place: Place = { name: 'folder for temporary files', path: tmpdir(), variable: 'TMPDIR' };
    try {
      return new LocalScratch(await mkdtemp(join(place.path, SCRATCH_PREFIX)), place);
    } catch (error) {
      throw explain(error, place);
    }
  }

  /** That something is not there counts only where the storage is: a bucket may have been emptied. @throws RowcastError */
  async #mustBeThere(): Promise<void> {
    const { id, location } = this.identity;
    const found = await readIdentity(this.#bucket, location);
    if (found?.id === id) return;
    if (found === null) {
      throw new RowcastError(
        'storage_unreachable',
        `The storage ${location} (${id}) is gone: its ${IDENTITY_KEY} is missing; restore it, and the work goes on.`,
      );
    }
    throw new RowcastError(
      'storage_mismatch',
      `${location} was the storage ${id}, but is ${found.id} now; bring back the former, or restart the worker.`,
    );
  }
}
