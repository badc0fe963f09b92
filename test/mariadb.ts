import { execFile, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { freePort } from '../dev/port.ts';
import { messageOf } from '../errors.ts';
import { CERTIFICATE, KEY } from './connectors/tlsProxy.ts';
import { findProgram, installUnlessThere } from './debian.ts';

/** A MySQL or MariaDB server, and how to reach it as a user who may do everything. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface RunningMariadb extends MysqlServer {
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/**
 * Starts a real MariaDB on a free port, with an empty data folder that goes when it stops; or says why there is
 * none. It is Debian's, which is installed where that is possible.
 *
 * @param options more options of the server's, such as `--server-id=2`.
 */
export async function startMariadb(options: readonly string[] = []): Promise<RunningMariadb | string> {
  const missing = installUnlessThere('mariadbd', 'mariadb-server');
  const [server, setUp] = [findProgram('mariadbd'), findProgram('mariadb-install-db')];
  if (server === undefined || setUp === undefined)
    return missing ?? 'mariadbd was not found after its installation';
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-mariadb-'));
  const data = join(folder, 'data');
  try {
    await makeData(setUp, folder, data);
    return await run(server, folder, data, options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return `mariadbd did not start: ${messageOf(error)}`;
  }
}

const isRoot = process.getuid?.() === 0;
const AS_USER = isRoot ? ['--user=mysql'] : [];

/** An empty data folder, and the certificate of the tests. */
async function makeData(setUp: string, folder: string, data: string): Promise<void> {
  chmodSync(folder, 0o755);
  const own = [data, temporaryOf(folder)];
  for (const path of own) mkdirSync(path);
  writeFileSync(join(folder, 'cert.pem'), CERTIFICATE);
  writeFileSync(join(folder, 'key.pem'), KEY);
  if (isRoot) spawnSync('chown', ['mysql', ...own]);
  const user = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  await promisify(execFile)(setUp, ['--no-defaults', ...AS_USER, `--datadir=${data}`, ...user], {
    env: { ...process.env, TMPDIR: temporaryOf(folder) },
  });
}

/** A server that starts removes what others have in its folder for temporary tables, so each has one of its own. */
function temporaryOf(folder: string): string {
  return join(folder, 'tmp');
}

async function run(
  server: string,
  folder: string,
  data: string,
  options: readonly string[],
): Promise<RunningMariadb> {
  const port = await freePort();
  const log = openSync(join(folder, 'log'), 'w');
  const child = spawn(
    server,
    [
      ...['--no-defaults', ...AS_USER, `--datadir=${data}`, `--tmpdir=${temporaryOf(folder)}`],
      `--socket=${join(data, 's.sock')}`,
      ...[`--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve'],
      ...[`--ssl-cert=${join(folder, 'cert.pem')}`, `--ssl-key=${join(folder, 'key.pem')}`],
      ...['--innodb-flush-log-at-trx-commit=0', '--performance-schema=off', ...options],
    ],
    { stdio: ['ignore', log, log] },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stopAtExit = () => void child.kill('SIGKILL');
  process.on('exit', stopAtExit);
  const running = {
    ...{ host: '127.0.0.1', port, user: 'root', password: 'root-for-tests' },
    async stop() {
      process.off('exit', stopAtExit);
      child.kill('SIGKILL'); // Its data go with it.
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilUp(running, () => child.exitCode !== null);
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Waits until the server answers, and gives its user the password. */
async function untilUp({ host, port, user, password }: MysqlServer, hasEnded: () => boolean): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      const root = await mysql.createConnection({ host, port, user });
      await root.query(`ALTER USER root@'127.0.0.1' IDENTIFIED BY '${password}'`);
      await root.end();
      return;
    } catch (error) {
      if (Date.now() > deadline || hasEnded()) throw error;
      await sleep(100);
    }
  }
}
