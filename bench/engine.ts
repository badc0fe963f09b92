import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../client/index.ts';
import type { ImportRecord, Rowcast } from '../client/index.ts';
import { startServer } from '../dev/process.ts';
import type { ServerProcess } from '../dev/process.ts';
import { findTemporal, startTemporal } from '../dev/temporal.ts';

const ROOT = join(import.meta.dirname, '..');

/** No run of the bench takes nearly as long, unless its worker is dead. */
export const RUN_MAX_MS = 30 * 60_000;

/** Rowcast as it is run: a Temporal dev server of its own, workers as processes, storage in a folder that they share. */
export interface Engine {
  readonly client: Rowcast;
  readonly temporal: Client;
  readonly temporalPid: number | undefined;
  readonly workers: readonly ServerProcess[];
  /** Stops the workers and starts others in their place. */
  renew(): Promise<void>;
  /** The folder that is the workers' storage. */
  readonly storage: string;
  stop(): Promise<void>;
}

export interface EngineOptions {
  /** Everything that it writes goes here; made where it is missing. */
  readonly folder: string;
  /** How many workers; one unless said. */
  readonly workers?: number;
  /** More of the environment of client and workers: secrets, settings. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts an engine without integrations or destinations. */
export async function startEngine({ folder, workers: count = 1, env: more }: EngineOptions): Promise<Engine> {
  const stack = new AsyncDisposableStack();
  try {
    mkdirSync(folder, { recursive: true });
    const found = await findTemporal();
    if (found.kind === 'cluster') throw new Error('Unset TEMPORAL_ADDRESS: the bench starts its own server.');
    const server = await startTemporal({
      path: found.path,
      logFile: join(folder, 'temporal.log'),
      databaseFile: join(folder, 'temporal.db'),
      ui: false,
    });
    stack.defer(() => server.stop());
    const storage = join(folder, 'storage');
    const env = { ...process.env, TEMPORAL_ADDRESS: server.address, ROWCAST_STORAGE: storage, ...more };
    const workers: ServerProcess[] = [];
    const stopWorkers = async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    };
    const renew = async () => {
      await stopWorkers();
      for (let number = 1; number <= count; number += 1) {
        workers.push(await startWorker(env, join(folder, `worker-${number}.log`)));
      }
    };
    stack.defer(stopWorkers);
    await renew();
    const client = await connect({ env });
    stack.defer(() => client.close());
    const connection = await Connection.connect({ address: server.address });
    stack.defer(() => connection.close());
    const temporal = new Client({ connection });
    const stop = () => stack.disposeAsync();
    return { client, temporal, temporalPid: server.pid, workers, renew, storage, stop };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Waits for the end of a run. @throws Error where no worker lives, or none has ended it in time. */
export async function endOf({ client, workers }: Engine, run: string): Promise<ImportRecord> {
  if (workers.every(hasEnded)) throw new Error('There is no worker that could run it.');
  return client.imports.wait(run, AbortSignal.timeout(RUN_MAX_MS));
}

/** By itself or by a signal. */
function hasEnded({ child }: ServerProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Starts a worker, and waits until it is ready. @throws Error with the end of its log where it ends instead. */
async function startWorker(env: NodeJS.ProcessEnv, logFile: string): Promise<ServerProcess> {
  const args = [join(ROOT, 'cli', 'rowcast.mjs'), 'worker'];
  rmSync(logFile, { force: true });
  const worker = startServer({ command: process.execPath, args, env, logFile });
  const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  while (!log().includes('worker is ready')) {
    if (hasEnded(worker)) throw new Error(`The worker did not start: ${log().slice(-2_000)}`);
    await sleep(100);
  }
  return worker;
}
