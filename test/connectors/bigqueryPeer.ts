import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../dev/port.ts';
import { startServer } from '../../dev/process.ts';
import { pythonWith } from '../python.ts';

/*
 * A stand-in for BigQuery that the real driver asks over the wire: local-bigquery, which runs BigQuery's SQL in DuckDB.
 * It cannot show BigQuery's limits, prices, rights and time, nor its SQL to the letter.
 */

const DUCKDB = '1.5.5';
const EXTENSIONS = ['icu', 'ducklake', 'spatial'];
const PACKAGES = [
  'local-bigquery==0.3.2',
  `duckdb==${DUCKDB}`,
  ...EXTENSIONS.map((name) => `duckdb-extension-${name}==${DUCKDB}`),
];
const START_TIMEOUT_MS = 100_000;

/** The project and the dataset that it begins with. */
export const PROJECT = 'rowcast-test';
export const DATASET = 'shop';

const environment = await pythonWith('bigquery', PACKAGES);

/** Why there is no peer, where there is none. */
export const NO_PEER = typeof environment === 'string' ? environment : null;

export interface BigqueryPeer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Where DuckDB looks for its extensions, which it would download else. */
function homeWithExtensions(python: string, home: string): void {
  const lib = join(dirname(dirname(python)), 'lib');
  const [version = ''] = readdirSync(lib).filter((name) => name.startsWith('python'));
  const system = `${platform() === 'darwin' ? 'osx' : platform()}_${arch() === 'x64' ? 'amd64' : arch()}`;
  const folder = join(home, '.duckdb', 'extensions', `v${DUCKDB}`, system);
  mkdirSync(folder, { recursive: true });
  for (const name of EXTENSIONS) {
    const file = join(
      ...[lib, version, 'site-packages', `duckdb_extension_${name}`],
      ...['extensions', `v${DUCKDB}`, `${name}.duckdb_extension`],
    );
    if (existsSync(file)) symlinkSync(file, join(folder, `${name}.duckdb_extension`));
  }
}

export async function startBigqueryPeer(): Promise<BigqueryPeer> {
  if (typeof environment === 'string') throw new Error(environment);
  const { python } = environment;
  const home = mkdtempSync(join(tmpdir(), 'rowcast-bigquery-'));
  homeWithExtensions(python, home);
  const [port, grpcPort] = [await freePort(), await freePort()];
  const logFile = join(home, 'log');
  const server = startServer({
    command: join(dirname(python), 'local-bigquery'),
    args: [
      ...['--host', '127.0.0.1', '--port', String(port), '--grpc-port', String(grpcPort)],
      ...['--project', PROJECT, '--dataset', DATASET, '--data-dir', join(home, 'data')],
    ],
    env: { ...process.env, HOME: home },
    logFile,
  });
  const stop = async () => {
    await server.stop('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(`http://127.0.0.1:${port}/bigquery/v2/projects`))) {
    if (Date.now() > deadline || server.child.exitCode !== null) {
      const log = readFileSync(logFile, 'utf8').slice(-2_000);
      await stop();
      throw new Error(`local-bigquery did not start: ${log}`);
    }
    await sleep(200);
  }
  return { host: '127.0.0.1', port, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
