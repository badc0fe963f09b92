import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { inject } from 'vitest';
import { connect } from '../../client/index.ts';
import type { ImportRecord, Rowcast } from '../../client/index.ts';
import { startServer } from '../../dev/process.ts';
import type { ServerProcess } from '../../dev/process.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import type { ReceiverOptions } from '../../dev/receiver/receiver.ts';
import { parseRunName } from '../../workflows/contract.ts';
import { ownServers } from '../ownServers.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const WRITE_KEY = 'test-write-key-9f3c';

/** Rowcast as its user has it: a worker process, a database, a destination, and a client. */
export interface Engine extends AsyncDisposable {
  readonly rowcast: Rowcast;
  readonly receiver: Receiver;
  /** The superuser's connection to a database of the test's own. */
  readonly sql: pg.Client;
  readonly database: string;
  readonly storage: string;
  readonly workerLog: string;
  readonly env: NodeJS.ProcessEnv;
  /** Temporal itself, for what its other tools do. */
  readonly temporal: Client;
  readonly worker: ServerProcess;
  /** Applies a sync with its integration and destination under a name that no other test has. */
  sync(fields: SyncFields, enabled?: boolean): Promise<string>;
  /** Runs a sync and waits for its import. */
  run(name: string): Promise<ImportRecord>;
  /** Cancels or terminates a run as the Temporal Web UI does. */
  cancel(run: string): Promise<void>;
  terminate(run: string): Promise<void>;
  startWorker(env?: NodeJS.ProcessEnv): void;
  killWorker(): Promise<void>;
  filesLeft(): Promise<string[]>;
}

/** What a test says of a sync; the rest has a default. */
export interface SyncFields {
  readonly name?: string;
  readonly query: string;
  /** Fields of its destination and its source that differ. */
  readonly destination?: Record<string, unknown>;
  readonly source?: Record<string, unknown>;
  /** False where its source is one that does not work. */
  readonly test?: boolean;
  readonly [field: string]: unknown;
}

export interface EngineOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly receiver?: Partial<ReceiverOptions>;
}

/** Time-outs that make a test short; everything else is as users have it. */
const SHORT = {
  ROWCAST_HEARTBEAT_MS: '3000',
  ROWCAST_REQUEST_TIMEOUT_MS: '3000',
  ROWCAST_RETRY_BUDGET_MS: '3000',
  ROWCAST_SOURCE_PATIENCE_MS: '3000',
  ROWCAST_GRACE_MS: '2000',
};

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const id = randomBytes(4).toString('hex');
  const server = inject('postgres');
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-engine-'));
  const storage = options.env?.['ROWCAST_STORAGE'] ?? join(folder, 'storage');
  const database = `test_${id}`;
  const admin = new pg.Client({ ...server, database: 'postgres' });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const sql = new pg.Client({ ...server, database });
  await sql.connect();
  const receiver = await Receiver.start({
    writeKey: WRITE_KEY,
    requestsPer3s: 1_000_000,
    ...options.receiver,
  });
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: ownServers().temporal.address,
    ROWCAST_TASK_QUEUE: `rowcast-${id}`,
    ROWCAST_STORAGE: storage,
    ROWCAST_SECRET_SOURCE_PASSWORD: server.password,
    ROWCAST_SECRET_WRITE_KEY: WRITE_KEY,
    ...SHORT,
    ...options.env,
  };
  const workerLog = join(folder, 'worker.log');
  const start = (extra: NodeJS.ProcessEnv = {}) =>
    startServer({
      command: process.execPath,
      args: [join(ROOT, 'worker.ts')],
      env: { ...env, ...extra },
      logFile: workerLog,
    });
  let worker = start();
  const rowcast = await connect({ env });
  const temporal = new Client({
    connection: await Connection.connect({ address: env.TEMPORAL_ADDRESS }),
  });
  const workflowOf = (run: string) => temporal.workflow.getHandle(parseRunName(run)?.workflowId ?? run);
  await workerReady(worker, workerLog);

  const engine: Engine = {
    rowcast,
    receiver,
    sql,
    database,
    storage,
    workerLog,
    env,
    temporal,
    get worker() {
      return worker;
    },
    async sync({ name: word = 'people', destination, source, test = true, ...fields }, enabled = false) {
      const name = `${word}-${id}`;
      await rowcast.destinations.update({
        name: `to-${id}`,
        kind: 'customerio',
        url: receiver.url,
        writeKey: { secret: 'write-key' },
        ...destination,
      });
      const { host, port, user } = server;
      const password = { secret: 'source-password' };
      const own = { kind: 'postgres', host, port, database, user, password, tls: 'off' };
      const integration = {
        name: `from-${id}`,
        // A source of another kind is given whole.
        source: (source?.['kind'] === undefined ? { ...own, ...source } : source) as typeof own & {
          kind: 'postgres';
          tls: 'off';
        },
        destination: `to-${id}`,
      };
      await rowcast.integrations.update(integration, { test });
      const type = 'identify' as const;
      const definition = { every: '1 hour', type, ...fields, name, integration: `from-${id}` };
      await rowcast.syncs.update(definition, { enabled });
      return name;
    },
    async run(name) {
      const { run } = await rowcast.syncs.run(name);
      return rowcast.imports.wait(run);
    },
    cancel: async (run) => {
      await workflowOf(run).cancel();
    },
    terminate: async (run) => {
      await workflowOf(run).terminate('by a test');
    },
    startWorker(extra) {
      worker = start(extra);
    },
    async killWorker() {
      await worker.stop('SIGKILL');
    },
    filesLeft: async () =>
      (await readdir(storage, { recursive: true })).filter((name) => name.startsWith('runs')),
    async [Symbol.asyncDispose]() {
      await rowcast.close();
      await temporal.connection.close();
      await worker.stop('SIGKILL');
      await receiver.stop();
      await sql.end().catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return engine;
}

/** Waits until the worker says that it is ready. @throws Error with its log where it ends instead. */
export async function workerReady({ child }: ServerProcess, logFile: string): Promise<void> {
  const log = () => readFileSync(logFile, 'utf8');
  while (!log().includes('worker is ready')) {
    if (child.exitCode !== null) throw new Error(`the worker did not start: ${log()}`);
    await sleep(100);
  }
}
