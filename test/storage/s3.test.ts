import { randomBytes } from 'node:crypto';
import { readdirSync, utimesSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findStorage, openStorage } from '../../storage/open.ts';
import { S3Bucket } from '../../storage/s3Bucket.ts';
import { failureOf } from '../connectors/request.ts';
import { nobodyListens } from '../delivery/nobodyListens.ts';
import { BUCKET, findSeaweedfs, OWNER, READER, startSeaweedfs } from '../seaweedfs.ts';
import type { S3Server } from '../seaweedfs.ts';
import { describeStorage } from './contract.ts';
import { testFolder } from './folder.ts';
import { refusal, startS3Proxy, startSilentServer } from './s3Proxy.ts';
import type { S3Proxy } from './s3Proxy.ts';

/* A storage in S3, as SeaweedFS speaks it; what only others answer is said by a proxy before it, in AWS's words. */

const found = await findSeaweedfs();
const missing = typeof found === 'string' ? found : null;
const server: S3Server | null = typeof found === 'string' ? null : await startSeaweedfs(found.path);
const before = { ...process.env };
Object.assign(process.env, server?.env);
afterAll(() => server?.[Symbol.asyncDispose]());

const newLocation = () => `s3://${BUCKET}/test/${randomBytes(4).toString('hex')}`;
const title = missing === null ? 'S3' : `S3 (skipped: ${missing})`;

describe.skipIf(missing !== null)(title, () => {
  describeStorage({
    name: 'of SeaweedFS',
    rounds: 15,
    create: () => {
      const location = newLocation();
      const dispose = { [Symbol.asyncDispose]: () => Promise.resolve() };
      return Promise.resolve({ open: () => openStorage(location), ...dispose });
    },
  });

  afterEach(() => {
    for (const name of Object.keys(process.env))
      if (!(name in before)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before, server?.env);
  });

  test('is found without a trace by who may only read, and is not there before it was opened', async () => {
    const location = newLocation();
    expect(await findStorage(location)).toBeNull();
    const opened = await openStorage(location);
    await opened.put('runs/people/chunk', Buffer.from('0123456789'));
    expect(opened.identity.location).toBe(location);

    Object.assign(process.env, READER);
    const seen = await findStorage(location);
    expect(seen?.identity).toEqual(opened.identity);
    expect(String(await seen?.get('runs/people/chunk', 7))).toBe('789');
    expect(await seen?.get('runs/people/other')).toBeNull();
  });

  test('is agreed on by workers that open a new one at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const location = newLocation();
      const opened = await Promise.all(Array.from({ length: 6 }, () => openStorage(location)));
      expect(new Set(opened.map(({ identity }) => identity.id)).size).toBe(1);
    }
  });

  test('keeps to its prefix, and may be a whole bucket', async () => {
    const [location, beside] = [newLocation(), newLocation()];
    const [one, other, whole] = [
      await openStorage(`${location}/`),
      await openStorage(`${location}-beside`),
      await openStorage(`s3://${BUCKET}`),
    ];
    for (const storage of [one, other, whole]) await storage.put('runs/people/chunk', Buffer.from('x'));
    await one.remove('runs');
    expect(await other.list('runs')).toEqual(['runs/people/chunk']);
    expect(await whole.list('runs')).toEqual(['runs/people/chunk']);
    await whole.remove('runs');
    expect(await other.list('runs')).toEqual(['runs/people/chunk']);
    expect(await findStorage(beside)).toBeNull();
  });

  test('that was emptied, or is another one by now, does not say that there is nothing', async () => {
    const location = newLocation();
    const storage = await openStorage(location);
    const { id } = storage.identity;
    const parent = await openStorage(location.slice(0, location.lastIndexOf('/')));
    await parent.remove(location.slice(location.lastIndexOf('/') + 1));
    for (const task of [() => storage.get('state/sync/people/1.json'), () => storage.list('state')]) {
      const failure = await failureOf(task());
      expect(failure).toMatchObject({
        code: 'storage_unreachable',
        message: `The storage ${location} (${id}) is gone: its storage.json is missing; restore it, and the work goes on.`,
      });
    }
    const other = await openStorage(location);
    expect(await failureOf(storage.list('state'))).toMatchObject({
      code: 'storage_mismatch',
      message: `${location} was the storage ${id}, but is ${other.identity.id} now; bring back the former, or restart the worker.`,
    });
  });

  test('has temporary files on the machine’s own disk, and removes those of a process that died a day ago', async () => {
    using folder = testFolder();
    process.env['TMPDIR'] = folder.path;
    const storage = await openStorage(newLocation());
    await using scratch = await storage.scratch();
    await scratch.append('bucket-0', Buffer.from('x'));
    const [young = ''] = readdirSync(folder.path);
    await (await storage.scratch()).append('bucket-0', Buffer.from('x'));
    const [abandoned = ''] = readdirSync(folder.path).filter((name) => name !== young);
    const then = new Date(Date.now() - 48 * 3_600_000);
    for (const path of [folder.at(abandoned, 'bucket-0'), folder.at(abandoned)]) utimesSync(path, then, then);
    await openStorage(newLocation());
    expect(readdirSync(folder.path)).toEqual([young]);
    process.env['TMPDIR'] = folder.at('none');
    expect(await failureOf(storage.scratch())).toMatchObject({
      code: 'storage_unreachable',
      message: expect.stringMatching(
        /^The folder for temporary files .*none cannot be used .*set TMPDIR to/,
      ) as string,
    });
  });
});

describe.skipIf(missing !== null)(`${title} that cannot be used fails with one sentence:`, () => {
  let proxy: S3Proxy;
  beforeEach(async () => {
    proxy = await startS3Proxy(server?.endpoint ?? '');
    Object.assign(process.env, server?.env, { AWS_MAX_ATTEMPTS: '2' });
  });
  afterEach(() => proxy[Symbol.asyncDispose]());

  /** What opening fails with, for a worker and for a client. */
  async function failures(location = newLocation()): Promise<string[]> {
    const both = [await failureOf(openStorage(location)), await failureOf(findStorage(location))];
    for (const { message } of both) expect(message).not.toContain(OWNER.AWS_SECRET_ACCESS_KEY);
    return both.map(({ code, message }) => `${code}: ${message}`);
  }
  const throughProxy = () => {
    process.env['AWS_ENDPOINT_URL_S3'] = proxy.endpoint;
  };

  test('no such bucket', async () => {
    const said = `storage_unreachable: The bucket not-there at ${server?.endpoint} does not exist; create it, or correct ROWCAST_STORAGE.`;
    expect(await failures('s3://not-there/rowcast')).toEqual([said, said]);
  });

  test('wrong credentials, or none', async () => {
    const where = `storage_unreachable: The bucket ${BUCKET} at ${server?.endpoint}`;
    const check = `check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine.`;
    const says = (code: string) => `${where} does not accept the credentials (${code}); ${check}`;
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    expect(await failures()).toEqual([says('SignatureDoesNotMatch'), says('SignatureDoesNotMatch')]);
    process.env['AWS_ACCESS_KEY_ID'] = 'nobody';
    expect(await failures()).toEqual([says('InvalidAccessKeyId'), says('InvalidAccessKeyId')]);
    Reflect.deleteProperty(process.env, 'AWS_ACCESS_KEY_ID');
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
    expect(await failures()).toEqual([says('CredentialsProviderError'), says('CredentialsProviderError')]);
  });

  test('what its credentials may not do is found when a worker starts, and the permission is named', async () => {
    const location = newLocation();
    const storage = await openStorage(location);
    await storage.put('runs/people/chunk', Buffer.from('x'));
    Object.assign(process.env, READER);
    const failure = await failureOf(openStorage(location));
    expect(failure.code).toBe('storage_unreachable');
    expect(failure.message).toMatch(
      new RegExp(
        `^The bucket ${BUCKET} at .* refuses s3:DeleteObject of ${location}/.* \\(AccessDenied\\); allow it`,
      ),
    );
    const seen = await findStorage(location);
    expect((await failureOf(seen!.put('runs/people/other', Buffer.from('x')))).message).toContain(
      `refuses s3:PutObject of ${location}/runs/people/other (AccessDenied)`,
    );
    expect((await failureOf(seen!.remove('runs'))).message).toContain('refuses s3:DeleteObject of');
  });

  test('nobody listens there', async () => {
    const endpoint = new URL(await nobodyListens()).origin;
    process.env['AWS_ENDPOINT_URL_S3'] = endpoint.replace('//', '//user:hush-hush@');
    const said = `storage_unreachable: The bucket ${BUCKET} at ${endpoint} cannot be reached (ECONNREFUSED); check AWS_ENDPOINT_URL_S3 and the network, and the work goes on.`;
    expect(await failures()).toEqual([said, said]);
  });

  test('somebody listens who never answers', async () => {
    const at = { bucket: BUCKET, prefix: 'silent' };
    const limits = { connectMs: 1_000, idleMs: 300, requestMs: 60_000 };
    await using silent = await startSilentServer();
    process.env['AWS_ENDPOINT_URL_S3'] = silent.endpoint;
    const said = `The bucket ${BUCKET} at ${silent.endpoint} cannot be reached (no answer in time); check AWS_ENDPOINT_URL_S3 and the network, and the work goes on.`;
    const bucket = new S3Bucket(at, limits);
    for (const task of [
      () => bucket.read('key'),
      () => bucket.create('key', Buffer.from('x')),
      () => bucket.list(''),
    ]) {
      expect((await failureOf(task())).message).toBe(said);
    }
    const impatient = new S3Bucket(at, { ...limits, idleMs: 60_000, requestMs: 300 });
    expect((await failureOf(impatient.read('key'))).message).toBe(said);
  });

  test('an endpoint that is no URL', async () => {
    process.env['AWS_ENDPOINT_URL_S3'] = 'hush-hush';
    const said =
      'definition_invalid: AWS_ENDPOINT_URL_S3 is no URL; give one such as https://s3.example.com, or none for S3 of AWS.';
    expect(await failures()).toEqual([said, said]);
  });

  test('answers of other services and states', async () => {
    throughProxy();
    const where = `The bucket ${BUCKET} at ${proxy.endpoint}`;
    for (const [fate, says] of [
      [
        refusal(301, 'PermanentRedirect'),
        `storage_unreachable: ${where} is in another region; set AWS_REGION to it.`,
      ],
      [
        refusal(400, 'AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>'),
        `storage_unreachable: ${where} is in another region, eu-west-1; set AWS_REGION to it.`,
      ],
      [
        refusal(403, 'RequestTimeTooSkewed'),
        `storage_unreachable: ${where} refuses requests of this machine, since its clock is wrong (RequestTimeTooSkewed); set it right.`,
      ],
      [
        refusal(507, 'XMinioStorageFull'),
        `storage_full: ${where} is full (XMinioStorageFull); make room, and the work goes on.`,
      ],
    ] as const) {
      proxy.fate = () => fate;
      expect(await failures()).toEqual([says, says]);
    }
    proxy.fate = () => refusal(503, 'SlowDown');
    const [opening] = await failures();
    expect(opening).toMatch(
      /^storage_unreachable: .* with 503 SlowDown; the work goes on once it answers as it should\.$/,
    );
    proxy.fate = () => ({ status: 200, body: '<html>Welcome to our network! Please sign in.</html>' });
    expect((await failureOf(findStorage(newLocation()))).code).toBe('storage_corrupt');
  });

  test('objects would be overwritten', async () => {
    throughProxy();
    const location = newLocation();
    proxy.fate = (method, path) =>
      method === 'PUT' && proxy.seen.filter((seen) => seen === `PUT ${path}`).length > 1
        ? { status: 200, body: '' }
        : 'pass';
    expect(await failureOf(openStorage(location))).toMatchObject({
      code: 'definition_invalid',
      message: `The bucket ${BUCKET} does not refuse to overwrite an object (\`If-None-Match: *\`), so that workers could not share it safely. Set ROWCAST_STORAGE to a bucket of a service that supports conditional writes.`,
    });
  });

  test('an object that was created while its answer was lost counts as created, and one of somebody else does not', async () => {
    throughProxy();
    const storage = await openStorage(newLocation());
    let lost = 0;
    proxy.fate = (method) => (method === 'PUT' && (lost += 1) === 1 ? 'lose answer' : 'pass');
    await storage.put('state/sync/people/1', Buffer.from('mine'));
    expect(lost).toBe(2);
    expect(String(await storage.get('state/sync/people/1'))).toBe('mine');
    lost = 0;
    expect((await failureOf(storage.put('state/sync/people/1', Buffer.from('other')))).message).toContain(
      'exists already',
    );
    expect(String(await storage.get('state/sync/people/1'))).toBe('mine');
  });

  test('an object whose bytes break off is read again, and never half of it is taken for all', async () => {
    throughProxy();
    const storage = await openStorage(newLocation());
    const body = Buffer.alloc(300_000, 'a line\n');
    await storage.put('runs/people/chunk', body);
    let reads = 0;
    proxy.fate = () => ((reads += 1) < 3 ? 'break answer off' : 'pass');
    expect(body.equals((await storage.get('runs/people/chunk'))!)).toBe(true);
    expect(reads).toBe(3);
    proxy.fate = () => 'break answer off';
    expect((await failureOf(storage.get('runs/people/chunk', 1_000))).code).toBe('storage_unreachable');
  });

  test('a write that somebody else’s delete came in between of is tried again', async () => {
    throughProxy();
    const storage = await openStorage(newLocation());
    let conflicts = 0;
    proxy.fate = (method) =>
      method === 'PUT' && (conflicts += 1) < 3 ? refusal(409, 'ConditionalRequestConflict') : 'pass';
    await storage.put('runs/people/chunk', Buffer.from('x'));
    expect(String(await storage.get('runs/people/chunk'))).toBe('x');
  });
});
