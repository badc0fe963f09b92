import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.ts';
import type { Rowcast } from '../../client/index.ts';
import { freePort } from '../../dev/port.ts';
import { connectTo } from '../../dev/postgres.ts';
import type { PostgresServer } from '../../dev/postgres.ts';
import { startServer } from '../../dev/process.ts';
import type { ServerProcess } from '../../dev/process.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import { startTemporal } from '../../dev/temporal.ts';
import type { TemporalServer } from '../../dev/temporal.ts';
import type { Journal } from './journal.ts';
import type { RoundPlan } from './plan.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';
import { Writer } from './writer.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const WRITE_KEY = 'chaos-write-key-41d7';
const READER_PASSWORD = 'chaos-reader-password';

/** What outlives a round. */
export interface Grounds {
  readonly postgres: PostgresServer;
  /** The `temporal` binary. */
  readonly temporalPath: string;
  /** The environment in which FAKETIME sets a process's clock; null where there is none. */
  readonly clock: NodeJS.ProcessEnv | null;
}

/** A whole Rowcast of a round's own, which can be broken. */
export class World {
  readonly journal: Journal;
  readonly plan: RoundPlan;
  readonly folder: string;
  readonly storage: string;
  readonly database: string;
  /** The user as whom workers read. */
  readonly reader: string;
  readonly postgres: PostgresServer;
  readonly clock: NodeJS.ProcessEnv | null;
  readonly receiver: Receiver;
  readonly writer: Writer;
  readonly env: NodeJS.ProcessEnv;
  /** What ought never to happen, as it was found on the way. */
  readonly findings: string[] = [];
  /** One at a time may start and stop one of these. */
  readonly turns: Readonly<Record<'worker' | 'temporal' | 'postgres', Turns>> = {
    worker: createTurns(),
    temporal: createTurns(),
    postgres: createTurns(),
  };
  /** The edition of each sync's definition that was applied last. */
  readonly editions = new Map<string, number>();
  /** Users whose calls the destination may have refused at some time; `*`: anybody's. */
  readonly refusals = new Set<string>();
  readonly breaks: Break[] = [];
  /** Whether a worker was killed, which leaves what it was writing. */
  wasKilled = false;
  /** Whether each sync is enabled, as it was told last; null: not known. */
  readonly enabled = new Map<string, boolean | null>();
  readonly #turnsOfSyncs = new Map<string, Turns>();
  readonly #startTemporal: () => Promise<TemporalServer>;
  #temporal: TemporalServer;
  #client: Client;
  #rowcast: Rowcast;
  /** The worker, where one runs now. */
  worker: ServerProcess | null = null;
  /** Whether that worker's clock is off. */
  isSkewed = false;
  /** Workers that came in addition. */
  readonly others = new Set<ServerProcess>();

  private constructor(parts: WorldParts) {
    this.journal = parts.journal;
    this.plan = parts.plan;
    this.folder = parts.folder;
    this.storage = join(parts.folder, 'storage');
    this.database = parts.database;
    this.reader = parts.reader;
    this.postgres = parts.grounds.postgres;
    this.clock = parts.grounds.clock;
    this.receiver = parts.receiver;
    this.writer = parts.writer;
    this.env = parts.env;
    this.#startTemporal = parts.startTemporal;
    this.#temporal = parts.temporal;
    this.#client = parts.client;
    this.#rowcast = parts.rowcast;
  }

  static async start(grounds: Grounds, plan: RoundPlan, folder: string, journal: Journal): Promise<World> {
    mkdirSync(folder, { recursive: true });
    const database = `chaos_${process.pid}_${plan.seed}`;
    const reader = `reader_${process.pid}_${plan.seed}`;
    const port = await freePort();
    const startTemporalAgain = () =>
      startTemporal({
        path: grounds.temporalPath,
        logFile: join(folder, 'temporal.log'),
        databaseFile: join(folder, 'temporal.db'),
        port,
        ui: false,
      });
    const [temporal, writer, receiver] = await Promise.all([
      startTemporalAgain(),
      prepareDatabase(grounds.postgres, plan, database, reader),
      Receiver.start({ writeKey: WRITE_KEY, requestsPer3s: 1_000_000 }),
    ]);
    const env = {
      ...process.env,
      TEMPORAL_ADDRESS: temporal.address,
      ROWCAST_STORAGE: join(folder, 'storage'),
      ROWCAST_SECRET_SOURCE_PASSWORD: READER_PASSWORD,
      ROWCAST_SECRET_WRITE_KEY: WRITE_KEY,
      ...plan.settings,
    };
    const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
    const rowcast = await connect({ env });
    const world = new World({
      ...{
        journal,
        plan,
        folder,
        database,
        reader,
        grounds,
        receiver,
        writer,
        env,
        temporal,
        client,
        rowcast,
      },
      startTemporal: startTemporalAgain,
    });
    await world.startWorker();
    return world;
  }

  get rowcast(): Rowcast {
    return this.#rowcast;
  }

  /** Temporal, for what its other tools do. */
  get client(): Client {
    return this.#client;
  }

  /** Does something with a sync's Schedule once what was begun before is done. */
  inTurn<Result>(sync: string, task: () => Promise<Result>): Promise<Result> {
    const turns = this.#turnsOfSyncs.get(sync) ?? createTurns();
    this.#turnsOfSyncs.set(sync, turns);
    return turns(task);
  }

  /** The same for all syncs at once. */
  inTurns<Result>(task: () => Promise<Result>): Promise<Result> {
    const names = this.plan.syncs.map(({ name }) => name);
    return names.reduce((inner, name) => () => this.inTurn(name, inner), task)();
  }

  /** Enables or disables a sync, and remembers what it was told; not once something failed, which may yet take effect. */
  async tellEnabled(sync: string, enabled: boolean, task: () => Promise<unknown>): Promise<void> {
    await this.inTurn(sync, async () => {
      const isKnown = typeof this.enabled.get(sync) === 'boolean';
      this.enabled.set(sync, null);
      await task();
      if (isKnown) this.enabled.set(sync, enabled);
    });
  }

  /** Resets or deletes a sync, and remembers when. */
  async breaking(what: Pick<Break, 'sync' | 'kind' | 'to'>, task: () => Promise<unknown>): Promise<void> {
    const made: Break = { ...what, fromMs: Date.now(), untilMs: Infinity };
    this.breaks.push(made);
    await task();
    made.untilMs = Date.now();
  }

  /** Starts a worker and waits until it polls, or ended: where Temporal is away, it cannot start. */
  async startWorker(extra: NodeJS.ProcessEnv = {}): Promise<boolean> {
    const worker = this.spawnWorker('worker.log', extra);
    this.worker = worker;
    return await isReady(worker, join(this.folder, 'worker.log'));
  }

  spawnWorker(log: string, extra: NodeJS.ProcessEnv = {}): ServerProcess {
    const logFile = join(this.folder, log);
    const args = [join(ROOT, 'worker.ts')];
    return startServer({ command: process.execPath, args, env: { ...this.env, ...extra }, logFile });
  }

  async stopWorker(signal: NodeJS.Signals): Promise<void> {
    const worker = this.worker;
    this.worker = null;
    await worker?.stop(signal);
  }

  async stopTemporal(signal: NodeJS.Signals): Promise<void> {
    await this.#temporal.stop(signal);
  }

  /** Starts Temporal again on its port and its database. */
  async startTemporal(): Promise<void> {
    const before = this.#temporal.address;
    this.#temporal = await this.#startTemporal();
    if (this.#temporal.address !== before)
      throw new Error(`Somebody took ${before} from Temporal meanwhile.`);
  }

  async stop(): Promise<void> {
    await this.#rowcast.close().catch(() => undefined);
    await this.#client.connection.close().catch(() => undefined);
    await Promise.all([...this.others].map((worker) => worker.stop('SIGKILL')));
    await this.stopWorker('SIGKILL');
    await this.stopTemporal('SIGKILL');
    await this.receiver.stop();
    await this.writer.close();
    await dropDatabase(this);
  }
}

/** A sync was reset or deleted, so that its chain of windows begins anew. */
export interface Break {
  readonly sync: string;
  readonly kind: 'reset' | 'delete';
  /** What `last_sync_time` became. */
  readonly to: number;
  /** By the clock of this machine, in milliseconds since 1970. */
  readonly fromMs: number;
  /** Infinity where it is not known whether it happened. */
  untilMs: number;
}

interface WorldParts {
  readonly journal: Journal;
  readonly plan: RoundPlan;
  readonly folder: string;
  readonly database: string;
  readonly reader: string;
  readonly grounds: Grounds;
  readonly receiver: Receiver;
  readonly writer: Writer;
  readonly env: NodeJS.ProcessEnv;
  readonly temporal: TemporalServer;
  readonly client: Client;
  readonly rowcast: Rowcast;
  readonly startTemporal: () => Promise<TemporalServer>;
}

async function prepareDatabase(
  postgres: PostgresServer,
  plan: RoundPlan,
  database: string,
  reader: string,
): Promise<Writer> {
  const admin = await connectTo(postgres);
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.query(`CREATE ROLE ${reader} LOGIN PASSWORD '${READER_PASSWORD}'`);
  await admin.end();
  const writer = new Writer(postgres, database);
  await writer.prepare(plan.syncs, reader);
  return writer;
}

async function dropDatabase({ postgres, database, reader }: World): Promise<void> {
  const admin = await connectTo(postgres);
  admin.on('error', () => undefined); // Its query says so as well.
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.query(`DROP ROLE ${reader}`);
  await admin.end();
}

async function isReady({ child }: ServerProcess, logFile: string): Promise<boolean> {
  const readyLines = () => readFileSync(logFile, 'utf8').split('worker is ready').length;
  const before = readyLines();
  while (readyLines() === before) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    await sleep(50);
  }
  return true;
}
