import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { _Error as RefusedDelete } from '@aws-sdk/client-s3';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { RowcastError } from '../errors.ts';
import { explainS3, s3CodeOf, s3StatusOf } from './s3Failures.ts';
import type { S3Request } from './s3Failures.ts';
import type { S3Location } from './s3Location.ts';

/** What nobody answers ends: a request is given up after so many milliseconds, and tried again. */
export interface S3Limits {
  /** Without a connection. A state is stored within 12 seconds, or the reason is told: three tries have to fit. */
  readonly connectMs: number;
  /** With a connection on which nothing moves. */
  readonly idleMs: number;
  /** All tries of a request together, its body included. */
  readonly requestMs: number;
}

const LIMITS: S3Limits = { connectMs: 3_000, idleMs: 20_000, requestMs: 600_000 };

/** The most objects that one request deletes. */
const DELETED_AT_ONCE = 1_000;

/** Reads of a body that breaks off: only requests are tried again by the SDK. */
const READS_MAX = 3;

/** S3 asks for another try where somebody else writes or deletes the same object at the same moment. */
const CONFLICTS_MAX = 5;

/** Metadata of an object: who created it. */
const CREATOR = 'rowcast-creator';

/** The objects below a prefix of a bucket. Keys are those of the storage; every failure is explained. */
export class S3Bucket {
  readonly #client: S3Client;
  readonly #location: S3Location;
  readonly #endpoint: string | null;
  readonly #limits: S3Limits;

  /** @throws RowcastError definition_invalid where the endpoint that is set is none. */
  constructor(location: S3Location, limits = LIMITS) {
    const { env } = process;
    const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
    if (endpoint !== undefined && !URL.canParse(endpoint)) throw noEndpoint();
    this.#limits = limits;
    const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? (endpoint && 'us-east-1');
    this.#location = location;
    this.#endpoint = endpoint === undefined ? null : new URL(endpoint).origin;
    this.#client = new S3Client({
      // Credentials, profiles, proxies and the number of tries are the SDK's to find.
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      ...(region === undefined ? {} : { region }),
      requestHandler: { connectionTimeout: limits.connectMs, socketTimeout: limits.idleMs },
    });
  }

  /** Creates an object; false where there is one already. It is never sent in parts, so a crash leaves none. */
  async create(key: string, body: Uint8Array): Promise<boolean> {
    const creator = randomUUID();
    const object = { ...this.#object(key), Body: body, IfNoneMatch: '*', Metadata: { [CREATOR]: creator } };
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#client.send(new PutObjectCommand(object), this.#withinTime());
        return true;
      } catch (error) {
        // Where the answer to a try of the SDK was lost, the next one finds its own object.
        if (s3StatusOf(error) === 412) return (await this.#creatorOf(key)) === creator;
        if (s3StatusOf(error) !== 409 || tries === CONFLICTS_MAX)
          throw this.#explained(error, 's3:PutObject', key);
        await sleep(100 * tries);
      }
    }
  }

  async #creatorOf(key: string): Promise<string | undefined> {
    try {
      const { Metadata } = await this.#client.send(
        new HeadObjectCommand(this.#object(key)),
        this.#withinTime(),
      );
      return Metadata?.[CREATOR];
    } catch (error) {
      if (s3StatusOf(error) === 404) return undefined;
      throw this.#explained(error, 's3:GetObject', key);
    }
  }

  /** An object's bytes from a position on, in memory of the caller's where it has room; null where there is none. */
  async read(key: string, from = 0, memory?: Buffer): Promise<Buffer | null> {
    const range = from === 0 ? {} : { Range: `bytes=${from}-` };
    for (let reads = 1; ; reads += 1) {
      try {
        const command = new GetObjectCommand({ ...this.#object(key), ...range });
        const { Body, ContentLength = Infinity } = await this.#client.send(command, this.#withinTime());
        if (memory !== undefined && memory.length >= ContentLength) {
          return await readInto(memory, Body as Readable);
        }
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      } catch (error) {
        const code = s3CodeOf(error);
        if (code === 'NoSuchKey') return null;
        if (code === 'InvalidRange' || s3StatusOf(error) === 416) return Buffer.alloc(0);
        if (code !== undefined || reads === READS_MAX) throw this.#explained(error, 's3:GetObject', key);
      }
    }
  }

  /** The keys that begin so, in no particular order. @param max how many are enough. */
  async list(prefix: string, max = Infinity): Promise<string[]> {
    const { bucket, prefix: own } = this.#location;
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: this.#full(prefix),
        ...(next === undefined ? {} : { ContinuationToken: next }),
        ...(max === Infinity ? {} : { MaxKeys: max }),
      });
      const page = await this.#client.send(command, this.#withinTime()).catch((error: unknown) => {
        throw this.#explained(error, 's3:ListBucket', prefix);
      });
      for (const { Key } of page.Contents ?? [])
        keys.push((Key ?? '').slice(own === '' ? 0 : own.length + 1));
      next = page.NextContinuationToken;
    } while (next !== undefined && keys.length < max);
    return keys;
  }

  /** Deletes objects; what is not there is fine. */
  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
      const objects = keys.slice(at, at + DELETED_AT_ONCE).map((key) => ({ Key: this.#full(key) }));
      const command = new DeleteObjectsCommand({
        Bucket: this.#location.bucket,
        Delete: { Objects: objects, Quiet: true },
      });
      const { Errors = [] } = await this.#client.send(command, this.#withinTime()).catch((error: unknown) => {
        throw this.#explained(error, 's3:DeleteObject', keys[at] ?? '');
      });
      const [refused] = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
      if (refused !== undefined) throw this.#refusedDelete(refused);
    }
  }

  /** Some answers to a request for many objects name those that could not be deleted. */
  #refusedDelete({ Code = 'Error', Message = '', Key = '' }: RefusedDelete) {
    const isDenied = /Denied|Forbidden/i.test(Code);
    const error = Object.assign(new Error(Message), {
      Code,
      $metadata: { httpStatusCode: isDenied ? 403 : 500 },
    });
    return explainS3(error, this.#request('s3:DeleteObject', `s3://${this.#location.bucket}/${Key}`));
  }

  #withinTime() {
    return { abortSignal: AbortSignal.timeout(this.#limits.requestMs) };
  }

  #object(key: string) {
    return { Bucket: this.#location.bucket, Key: this.#full(key) };
  }

  #full(key: string): string {
    const { prefix } = this.#location;
    return prefix === '' ? key : `${prefix}/${key}`;
  }

  #explained(error: unknown, action: S3Request['action'], key: string): unknown {
    return explainS3(error, this.#request(action, `s3://${this.#location.bucket}/${this.#full(key)}`));
  }

  #request(action: S3Request['action'], target: string): S3Request {
    return { action, target, bucket: this.#location.bucket, endpoint: this.#endpoint };
  }
}

function noEndpoint(): RowcastError {
  return new RowcastError(
    'definition_invalid',
    'AWS_ENDPOINT_URL_S3 is no URL; give one such as https://s3.example.com, or none for S3 of AWS.',
  );
}

/** Reads a stream to its end into memory that has room for it. */
async function readInto(memory: Buffer, stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  let bytes = 0;
  for await (const part of stream) {
    memory.set(part, bytes);
    bytes += part.length;
  }
  return memory.subarray(0, bytes);
}
