import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import protocol from '@temporalio/proto';
import { connect } from '../../client/index.ts';
import type { Rowcast } from '../../client/index.ts';
import { startServer } from '../../dev/process.ts';
import type { ServerProcess } from '../../dev/process.ts';
import { findTemporal, startTemporal } from '../../dev/temporal.ts';
import { parseRunName } from '../../workflows/contract.ts';
import { cpuMsOf, forgetPeak, peakMbOf } from '../processes.ts';
import type { BenchTable } from '../tables.ts';
import type { Bench, Contestant, Figures } from './contestant.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const WRITE_KEY = 'bench-write-key';

export const rowcast: Contestant = {
  name: 'Rowcast',
  how: 'the whole engine as it is by default: Schedule, workflows on the dev server, staging in a local folder, delivery to a destination of kind `customerio`, books closed',
  delivers: true,
  rowsMax: { quick: Infinity, full: Infinity },
  async start(bench) {
    const engine = await startEngine(bench);
    return { run: (table) => measureRun(engine, table), stop: () => engine.stop() };
  },
};

interface Engine {
  readonly client: Rowcast;
  readonly temporal: Client;
  readonly worker: ServerProcess;
  stop(): Promise<void>;
}

async function startEngine({ postgres, receiver, folder }: Bench): Promise<Engine> {
  const stack = new AsyncDisposableStack();
  const found = await findTemporal();
  if (found.kind === 'cluster') throw new Error('Unset TEMPORAL_ADDRESS: the bench starts its own server.');
  const server = await startTemporal({
    path: found.path,
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
    ui: false,
  });
  stack.defer(() => server.stop());
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: server.address,
    ROWCAST_STORAGE: join(folder, 'storage'),
    ROWCAST_SECRET_PASSWORD: postgres.password,
    ROWCAST_SECRET_WRITE_KEY: WRITE_KEY,
  };
  const logFile = join(folder, 'worker.log');
  const args = [join(ROOT, 'worker.ts')];
  const worker = startServer({ command: process.execPath, args, env, logFile });
  stack.defer(() => worker.stop());
  while (!readFileSync(logFile, 'utf8').includes('worker is ready')) await sleep(100);
  const client = await connect({ env });
  stack.defer(() => client.close());
  const connection = await Connection.connect({ address: server.address });
  stack.defer(() => connection.close());
  const writeKey = { secret: 'write-key' };
  await client.destinations.update({ name: 'receiver', kind: 'customerio', url: `${receiver}/v1`, writeKey });
  const { host, port, user } = postgres;
  const password = { secret: 'password' };
  const source = { kind: 'postgres', host, port, database: 'postgres', user, password, tls: 'off' } as const;
  await client.integrations.update({ name: 'bench', source, destination: 'receiver' });
  return { client, temporal: new Client({ connection }), worker, stop: () => stack.disposeAsync() };
}

async function measureRun(engine: Engine, { shape, rows, query }: BenchTable): Promise<Figures> {
  const { client, worker } = engine;
  const pid = worker.child.pid ?? 0;
  const name = `${shape}-${rows}`;
  const sync = { name, integration: 'bench', type: 'identify', every: '1 day', query } as const;
  await client.syncs.update(sync, { enabled: false });
  forgetPeak(pid);
  const cpuBefore = cpuMsOf(pid);
  const { run } = await client.syncs.run(name);
  const ended = await client.imports.wait(run);
  const cpuAfter = cpuMsOf(pid);
  if (ended.outcome !== 'succeeded' || ended.delivered !== rows) {
    throw new Error(`the run ended as ${ended.outcome} with ${ended.delivered} calls: ${ended.error ?? ''}`);
  }
  return {
    ms: Date.parse(ended.endedAt ?? '') - Date.parse(ended.startedAt),
    cpuMs: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
    peakMb: peakMbOf(pid),
    more: await historyOf(engine, run),
  };
}

/** What the history of a run says: its size, and how long its activities took. */
async function historyOf({ temporal }: Engine, run: string): Promise<Record<string, number>> {
  const workflowId = parseRunName(run)?.workflowId ?? '';
  const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const events = history.events ?? [];
  const spans = { extractRows: [Infinity, -Infinity], deliverLanes: [Infinity, -Infinity] } as Record<
    string,
    [number, number]
  >;
  const typeOf = new Map<string, string>();
  for (const event of events) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started } =
      event;
    if (scheduled) typeOf.set(String(event.eventId), scheduled.activityType?.name ?? '');
    const scheduledId =
      started?.scheduledEventId ?? event.activityTaskCompletedEventAttributes?.scheduledEventId;
    const span = spans[typeOf.get(String(scheduledId)) ?? ''];
    if (span === undefined) continue;
    const ms = Number(event.eventTime?.seconds) * 1_000 + (event.eventTime?.nanos ?? 0) / 1e6;
    span[0] = Math.min(span[0], ms);
    span[1] = Math.max(span[1], ms);
  }
  const [extract, deliver] = [spans['extractRows'], spans['deliverLanes']] as [
    [number, number],
    [number, number],
  ];
  // The query begins only once the second is over in which the extraction did.
  const waitMs = 1_000 - (extract[0] % 1_000);
  return {
    events: events.length,
    historyBytes: protocol.temporal.api.history.v1.History.encode(history).finish().length,
    activities: typeOf.size,
    waitMs,
    extractMs: extract[1] - extract[0] - waitMs,
    deliverMs: Math.max(0, deliver[1] - deliver[0]),
  };
}
