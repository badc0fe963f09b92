import './worker/heapSpaces.ts';
import { Client } from '@temporalio/client';
import { Runtime, Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import type { Activities } from './activities/index.ts';
import type { Metrics } from './activities/metrics.ts';
import { heartbeatEveryMs } from './activities/heartbeat.ts';
import { storageQueues } from './activities/queues.ts';
import { searchAttributesOf } from './activities/searchAttributes.ts';
import { readWorkerSettings } from './activities/settings.ts';
import type { WorkerSettings } from './activities/settings.ts';
import { workerIdentity } from './activities/storages.ts';
import { sourceAddress } from './connectors/config.ts';
import { openSource } from './connectors/open.ts';
import type { Address } from './connectors/source.ts';
import { ownerOfDestination, ownerOfSource, ownerOfWebhook } from './definitions/secretOwner.ts';
import type { IntegrationDefinition } from './definitions/integration.ts';
import { destinationProfile } from './delivery/destination.ts';
import { ownHeaders } from './delivery/headers.ts';
import { createHttp } from './delivery/http.ts';
import { createSender } from './delivery/sender.ts';
import { SharedByWriteKey } from './delivery/shared.ts';
import { createWebhook } from './delivery/webhook.ts';
import { RowcastError } from './errors.ts';
import { readIdentities } from './secrets/identities.ts';
import { createRedactor } from './secrets/redact.ts';
import type { Redactor } from './secrets/redact.ts';
import { createSecrets } from './secrets/resolve.ts';
import type { Secrets } from './secrets/resolve.ts';
import { Digester } from './storage/digester.ts';
import { Memory } from './storage/memory.ts';
import { openStorage, storageLocation } from './storage/open.ts';
import type { Storage } from './storage/storage.ts';
import { makeSealedKey, openSealedKey } from './tunnel/sealedKey.ts';
import type { SealedTunnelKey } from './tunnel/sealedKey.ts';
import { alertQueue } from './workflows/queueNames.ts';
import { SharedTunnels } from './tunnel/shared.ts';
import { openThroughTunnel } from './tunnel/source.ts';
import type { TunnelRequest } from './tunnel/tunnel.ts';
import { listenAddress } from './worker/address.ts';
import { attemptUnderWay, observeAttempts } from './worker/attempts.ts';
import { workflowBundle } from './worker/bundle.ts';
import { connectNative } from './worker/connection.ts';
import { createLog } from './worker/log.ts';
import type { Log } from './worker/log.ts';
import { createMetrics } from './worker/metrics.ts';
import { prepareNamespace } from './worker/namespace.ts';
import { PROBES_VARIABLE, serveProbes } from './worker/probes.ts';
import { Problems } from './worker/problems.ts';
import { checksOf } from './worker/readiness.ts';
import { logEnded, runSinks } from './worker/runEnds.ts';
import { installRuntime } from './worker/runtime.ts';
import { watchSyncs } from './worker/syncWatch.ts';
import { tracedSource } from './worker/tracedSource.ts';
import { asksForTraces } from './worker/traces.ts';
import type { Traces } from './worker/traces.ts';

/*
 * The long-running worker process, and the only place that wires things together. `rowcast worker` is the same as
 * `node worker.ts`, in less memory (`worker/allocator.ts`).
 */

export const DEFAULT_TASK_QUEUE = 'rowcast';

/** Runs a worker until it is told to stop (SIGINT, SIGTERM). @throws RowcastError where it cannot start. */
export async function runWorker(env: NodeJS.ProcessEnv): Promise<void> {
  const settings = readWorkerSettings(env);
  const redactor = createRedactor();
  const log = createLog(env, process.stdout, (text) => redactor.redact(text));
  await readIdentities(env);
  const taskQueue = env['ROWCAST_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE;
  const storage = await openStorage(storageLocation(env));
  const probes = listenAddress(env, PROBES_VARIABLE);
  const traces = await tracesOf(env, log, redactor);
  const isMeasured = installRuntime(env, log);
  const { connection, namespace } = await connectNative();
  const http = createHttp({ timeoutMs: settings.requestTimeoutMs });
  const [memory, digester] = [new Memory(), new Digester()];
  const metrics = createMetrics(Runtime.instance().metricMeter);
  const problems = new Problems(log);
  const activities = wire({
    ...{ env, settings, taskQueue, storage, memory, digester, http, redactor, metrics, problems },
    searchAttributes: searchAttributesOf({ operatorService: connection.operatorService, namespace }),
  });
  const workers: Worker[] = [];
  const checks = checksOf(workers, connection, storage);
  try {
    await using servers = new AsyncDisposableStack();
    if (probes !== null) servers.use(await serveProbes(probes, checks));
    workers.push(
      ...(await createWorkers({
        ...{ env, activities, settings, taskQueue, storage, connection, namespace },
        interceptors: { activity: [observeAttempts(problems, traces)] },
        sinks: runSinks((record) => {
          traces?.ended(record);
          problems.ended(record.run);
          logEnded(log, record);
          metrics.ended(record);
        }),
      })),
    );
    const client = new Client({ connection, namespace });
    await prepareNamespace({ connection, client }, { taskQueue, storageId: storage.identity.id }, log);
    if (isMeasured) {
      const schedules = () => client.schedule.list();
      servers.use(watchSyncs({ storage, schedules, gauges: metrics.syncs, log }));
    }
    log.info(
      `Rowcast's worker is ready: task queue ${taskQueue}, namespace ${namespace}, storage ${storage.identity.location}.`,
    );
    await runTogether(workers);
  } finally {
    await connection.close();
    http.close();
    await traces?.shutdown();
  }
}

/** Null where nobody asks for traces: then nothing of OpenTelemetry is loaded. */
async function tracesOf(env: NodeJS.ProcessEnv, log: Log, redactor: Redactor): Promise<Traces | null> {
  if (!asksForTraces(env)) return null;
  const { startTracing } = await import('./worker/tracing.ts');
  return startTracing(env, log, (secret) => redactor.remember(secret));
}

/** Runs until all have been told to stop. Where one fails, the others end in order before it is thrown. */
async function runTogether(workers: readonly Worker[]): Promise<void> {
  const runs = workers.map((worker) => worker.run());
  try {
    await Promise.all(runs);
  } catch (error) {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(runs);
    throw error;
  }
}

interface Wiring {
  readonly env: NodeJS.ProcessEnv;
  readonly settings: WorkerSettings;
  readonly taskQueue: string;
  readonly storage: Storage;
  readonly memory: Memory;
  readonly digester: Digester;
  readonly http: ReturnType<typeof createHttp>;
  readonly redactor: Redactor;
  readonly metrics: Metrics;
  readonly problems: Problems;
  readonly searchAttributes: ReturnType<typeof searchAttributesOf>;
}

function wire(wiring: Wiring): Activities {
  const { env, settings, taskQueue, storage, memory, digester, http, redactor, metrics, problems } = wiring;
  const secrets = createSecrets({ env, redactor });
  const shared = new SharedByWriteKey();
  const tunnels = new SharedTunnels();
  return createActivities({
    taskQueue,
    storage,
    memory,
    digester,
    settings,
    metrics,
    searchAttributes: wiring.searchAttributes,
    redact: (text) => redactor.redact(text),
    openSource: async (integration, key, signal) => {
      const { source } = integration;
      const open = (at?: Address) => openSource(source, secrets.of(ownerOfSource(integration)), signal, at);
      return tracedSource(attemptUnderWay()?.span, source, async () => {
        if (integration.tunnel === undefined || key === null) return open();
        return openThroughTunnel(tunnels, await tunnelRequest(integration, key, secrets), signal, open);
      });
    },
    useTunnel: async (integration, key, signal) =>
      tunnels.use(await tunnelRequest(integration, key, secrets), signal),
    makeTunnelKey: (integration) => makeSealedKey(integration, secrets, new Date()),
    openWebhook: async (definition) => {
      const resolve = secrets.of(ownerOfWebhook(definition));
      const url = await resolve(definition.url, 'url');
      const signingSecret = await resolve(definition.signingSecret, 'signingSecret');
      return createWebhook({ url, signingSecret }, { name: definition.name, http, redactor });
    },
    openSender: async (definition) => {
      const profile = destinationProfile(definition);
      const resolve = secrets.of(ownerOfDestination(definition));
      const writeKey = await resolve(definition.writeKey, 'writeKey');
      const { retryBudgetMs } = settings;
      return createSender({
        ...shared.of({ url: profile.batchUrl, writeKey, rate: profile.rate }),
        profile,
        writeKey,
        headers: await ownHeaders(definition, resolve),
        http,
        redactor,
        retryBudgetMs,
        onAsked: (asked) => {
          metrics.asked(definition.name, asked);
          const { work, span } = attemptUnderWay() ?? {};
          span?.asked(definition.name, asked);
          if (asked.meaning === 'accepted' && work !== undefined) problems.moved(work);
        },
      });
    },
  });
}

/** @throws RowcastError secret_missing, secret_refused */
async function tunnelRequest(
  { name, source, tunnel }: IntegrationDefinition,
  key: SealedTunnelKey,
  secrets: Secrets,
): Promise<TunnelRequest> {
  const to = sourceAddress(source);
  if (tunnel === undefined || to === null) throw new Error(`the integration ${name} has no tunnel`);
  return { config: tunnel, privateKey: await openSealedKey(name, key, secrets), to };
}

interface WorkerSetup {
  readonly env: NodeJS.ProcessEnv;
  readonly activities: Activities;
  readonly settings: WorkerSettings;
  readonly taskQueue: string;
  readonly storage: Storage;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly interceptors: NonNullable<WorkerOptions['interceptors']>;
  readonly sinks: NonNullable<WorkerOptions['sinks']>;
}

/** So many webhooks are told side by side by one worker. */
const ALERT_SLOTS = 20;

/** Control, extraction, delivery and webhooks have slots of their own, so that none of them queues behind another. */
async function createWorkers(setup: WorkerSetup): Promise<Worker[]> {
  const { activities, settings, taskQueue, storage, connection, namespace, interceptors, sinks } = setup;
  const queues = storageQueues(storage.identity.id);
  const shared = {
    connection,
    namespace,
    interceptors,
    identity: workerIdentity(storage.identity.id),
    shutdownGraceTime: settings.graceMs,
    shutdownForceTime: settings.graceMs + settings.requestTimeoutMs,
    maxHeartbeatThrottleInterval: heartbeatEveryMs(settings),
    defaultHeartbeatThrottleInterval: heartbeatEveryMs(settings),
  } satisfies Partial<WorkerOptions>;
  const bundle = await workflowBundle(setup.env);
  return Promise.all([
    Worker.create({
      ...shared,
      taskQueue,
      workflowBundle: bundle,
      sinks,
      maxCachedWorkflows: 500,
      activities: activities.control,
    }),
    Worker.create({ ...shared, taskQueue: queues.control, activities: activities.storage }),
    Worker.create({
      ...shared,
      taskQueue: alertQueue(taskQueue),
      activities: activities.alert,
      maxConcurrentActivityTaskExecutions: ALERT_SLOTS,
    }),
    Worker.create({
      ...shared,
      taskQueue: queues.extract,
      activities: activities.extract,
      maxConcurrentActivityTaskExecutions: settings.extractSlots,
    }),
    Worker.create({
      ...shared,
      taskQueue: queues.deliver,
      activities: activities.deliver,
      maxConcurrentActivityTaskExecutions: settings.deliverSlots,
    }),
  ]);
}

if (import.meta.main) {
  runWorker(process.env).catch((error: unknown) => {
    process.stderr.write(
      `${error instanceof RowcastError ? error.message : String((error as Error).stack)}\n`,
    );
    process.exitCode = 1;
  });
}
