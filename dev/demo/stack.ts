import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectTo, startPostgres } from '../postgres.ts';
import type { PostgresServer } from '../postgres.ts';
import { startServer } from '../process.ts';
import { findTemporal, startTemporal } from '../temporal.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const WRITE_KEY = 'demo-write-key-7d21';

/** Everything that the demo starts, and how to reach it. */
export interface DemoStack {
  readonly temporalAddress: string;
  /** Null where a cluster is used that was there before. */
  readonly uiUrl: string | null;
  readonly postgres: PostgresServer;
  readonly receiverUrl: string;
  /** The environment of the worker and of everything that talks to it. */
  readonly env: NodeJS.ProcessEnv;
}

/** What has been started so far, to be stopped in reverse. */
export class Cleanup {
  readonly #tasks: (() => Promise<void>)[] = [];

  add(task: () => Promise<void>): void {
    this.#tasks.unshift(task);
  }

  async run(): Promise<void> {
    for (const task of this.#tasks.splice(0)) await task().catch(() => undefined);
  }
}

/** Starts Temporal, PostgreSQL with the shop in it, the receiver and the worker, each in a process of its own. */
export async function startDemoStack(folder: string, tag: string, cleanup: Cleanup): Promise<DemoStack> {
  const temporal = await demoTemporal(folder, cleanup);
  const postgres = await startPostgres();
  cleanup.add(() => postgres.stop());
  const receiverUrl = await startReceiverProcess(cleanup);
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: temporal.address,
    ROWCAST_TASK_QUEUE: `rowcast${tag}`,
    ROWCAST_STORAGE: join(folder, 'storage'),
    ROWCAST_PROGRESS_MS: '100', // Runs of seconds are to be watched.
    ROWCAST_SECRET_SHOP_PASSWORD: 'demo-password',
    ROWCAST_SECRET_CUSTOMERIO_WRITE_KEY: WRITE_KEY,
  };
  await Promise.all([fillShop(postgres), startWorkerProcess(folder, env, cleanup)]);
  return { temporalAddress: temporal.address, uiUrl: temporal.uiUrl, postgres, receiverUrl, env };
}

async function demoTemporal(
  folder: string,
  cleanup: Cleanup,
): Promise<{ address: string; uiUrl: string | null }> {
  const found = await findTemporal();
  if (found.kind === 'cluster') return { address: found.address, uiUrl: null };
  const server = await startTemporal({
    path: found.path,
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
    ui: true,
  });
  cleanup.add(() => server.stop());
  return server;
}

async function fillShop(postgres: PostgresServer): Promise<void> {
  const admin = await connectTo(postgres);
  await admin.query('CREATE DATABASE shop');
  await admin.end();
  const shop = await connectTo(postgres, 'shop');
  await shop.query(await readFile(join(ROOT, 'dev', 'shop', 'shop.sql'), 'utf8'));
  await shop.end();
}

async function startReceiverProcess(cleanup: Cleanup): Promise<string> {
  const args = [join(ROOT, 'dev', 'receiver', 'main.ts'), '--write-key', WRITE_KEY];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return url;
}

async function startWorkerProcess(folder: string, env: NodeJS.ProcessEnv, cleanup: Cleanup): Promise<void> {
  const logFile = join(folder, 'worker.log');
  const worker = startServer({ command: process.execPath, args: [join(ROOT, 'worker.ts')], env, logFile });
  cleanup.add(() => worker.stop());
  while (!readFileSync(logFile, 'utf8').includes('worker is ready')) {
    if (worker.child.exitCode !== null) throw new Error(`The worker ended: ${readFileSync(logFile, 'utf8')}`);
    await sleep(100);
  }
}
