import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { FailedRow, ImportRecord } from '../../client/index.ts';
import { startServer } from '../../dev/process.ts';
import { findStorage } from '../../storage/open.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { BUCKET, findSeaweedfs, OWNER, READER, startSeaweedfs } from '../seaweedfs.ts';
import { refusal, startS3Proxy } from '../storage/s3Proxy.ts';
import { until } from '../until.ts';
import { startEngine, workerReady } from './engine.ts';
import type { Engine } from './engine.ts';

/* Runs whose storage is a bucket: any worker takes any lane. */

const found = await findSeaweedfs();
const missing = typeof found === 'string' ? found : null;
const server = typeof found === 'string' ? null : await startSeaweedfs(found.path);
Object.assign(process.env, server?.env);
const machines = mkdtempSync(join(tmpdir(), 'rowcast-machines-'));
afterAll(async () => {
  rmSync(machines, { recursive: true, force: true });
  await server?.[Symbol.asyncDispose]();
});
const reason = missing === null ? '' : ` (skipped: ${missing})`;
const newLocation = () => `s3://${BUCKET}/runs/${randomBytes(4).toString('hex')}`;

/** The environment of a machine that has nothing of another's disk but the code. */
function machine(): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(machines, 'machine-'));
  const { HOME: home = '' } = process.env;
  return { HOME: folder, TMPDIR: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: join(home, '.cache') };
}

const ROWS = 6_000;
/** Every thousandth row has no user, which is found when it is read; u7 is too large, which is found when it is sent. */
const QUERY = `SELECT CASE WHEN n % 1000 <> 0 THEN 'u' || n END AS "userId",
    repeat(md5(n::text), CASE n WHEN 7 THEN 1200 ELSE 30 END) AS note
  FROM generate_series(1, ${ROWS}) n`;
const FAILED = ROWS / 1_000 + 1;

test.skipIf(missing !== null)(
  `two workers that share no disk finish a run together, though one is killed in mid-delivery, and a third machine that may only read shows its errors${reason}`,
  async () => {
    const location = newLocation();
    const lanesApart = {
      ROWCAST_SMALL_RUN_ROWS: '100',
      ROWCAST_DELIVER_SLOTS: '2',
      ROWCAST_CHUNK_BYTES: '300000',
    };
    const env = { ...server?.env, ...lanesApart, ROWCAST_STORAGE: location };
    await using engine = await startEngine({ env: { ...env, ...machine() } });
    const logFile = `${engine.workerLog}-other`;
    const otherEnv = { ...engine.env, ...machine() };
    const other = startServer({ command: process.execPath, args: ['worker.ts'], env: otherEnv, logFile });
    try {
      await workerReady(other, logFile);
      for (const log of [engine.workerLog, logFile]) {
        expect(readFileSync(log, 'utf8')).toContain(`storage ${location}.`);
      }
      const name = await engine.sync({ query: QUERY });
      engine.receiver.misbehave({ kind: 'slow', ms: 300 });
      const { run } = await engine.rowcast.syncs.run(name);
      await until(async () => (await deliverers(engine, run)).size === 2);
      const { received } = engine.receiver.log.stats();
      await until(() => engine.receiver.log.stats().received > received);
      await engine.killWorker();
      const ended = await engine.rowcast.imports.wait(run);

      expect(ended).toMatchObject({
        ...{ outcome: 'succeeded_with_errors', rows: ROWS, delivered: ROWS - FAILED, failed: FAILED },
      });
      expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS - FAILED, violations: [] });
      expect(new Set(engine.receiver.log.calls.map(({ userId }) => userId)).size).toBe(ROWS - FAILED);
      await onlyErrorsAreLeft(location, ended);
      await errorsAreRead(engine, ended, location);
      for (const log of [engine.workerLog, logFile]) {
        expect(readFileSync(log, 'utf8')).not.toContain(OWNER.AWS_SECRET_ACCESS_KEY);
      }
    } finally {
      await other.stop('SIGKILL');
    }
  },
);

/** The workers that deliver a lane of a run now. */
async function deliverers(engine: Engine, run: string): Promise<ReadonlySet<string>> {
  const { raw } = await engine.temporal.workflow.getHandle(run.split('~')[0] ?? run).describe();
  const delivering = (raw.pendingActivities ?? []).filter(
    ({ activityType, heartbeatDetails }) =>
      activityType?.name === 'deliverLanes' && heartbeatDetails?.payloads?.length,
  );
  return new Set(delivering.map(({ lastWorkerIdentity }) => lastWorkerIdentity ?? ''));
}

async function onlyErrorsAreLeft(location: string, { sync }: ImportRecord): Promise<void> {
  const storage = await findStorage(location);
  const left = (await storage?.list(`runs/${sync}`)) ?? [];
  const kept =
    /\/(import\.json|errors\/[^/]+\.ndjson|calls\/[^/]+\.ndjson|[^/]+\/errors\/[^/]+\.ndjson|[^/]+\/manifest\.json)$/;
  expect(left.filter((key) => !kept.test(key))).toEqual([]);
  for (const name of ['import.json', 'manifest.json']) {
    expect(left.filter((key) => key.endsWith(`/${name}`))).toHaveLength(1);
  }
}

/** By the command, on a machine whose credentials allow to read and no more. */
async function errorsAreRead(engine: Engine, { run, sync }: ImportRecord, location: string): Promise<void> {
  const env = { ...engine.env, ...machine(), ...READER };
  const { code, stdout, stderr } = await runRowcast(env, 'import', 'errors', run, '--format', 'ndjson');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FailedRow);
  expect(rows.map(({ row }) => row)).toEqual([7, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
  expect(rows[0]).toMatchObject({ code: 'call_too_large', data: { userId: 'u7' } });

  const { storage } = await engine.rowcast.syncs.get(sync);
  const shown = await runRowcast(env, 'sync', 'show', sync);
  expect(shown.stdout).toContain(`${location} (${storage.id})`);

  const elsewhere = await runRowcast(
    { ...env, ROWCAST_STORAGE: `${location}-other` },
    'import',
    'errors',
    run,
  );
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.stderr).toContain(
    `The rows of ${sync} are in the storage ${storage.id} (${location} on its worker), but here ${location}-other is no storage`,
  );
}

test.skipIf(missing !== null)(
  `a bucket that cannot be used fails the run with a sentence, and its window repeats once it can${reason}`,
  async () => {
    await using proxy = await startS3Proxy(server?.endpoint ?? '');
    const location = newLocation();
    const waits = { ROWCAST_STORAGE_WAIT_MS: '2000' };
    const env = { ...server?.env, AWS_ENDPOINT_URL_S3: proxy.endpoint, ROWCAST_STORAGE: location, ...waits };
    await using engine = await startEngine({ env });
    const name = await engine.sync({ query: QUERY });
    const { definition } = await engine.rowcast.syncs.get(name);
    const where = `The bucket ${BUCKET} at ${proxy.endpoint}`;
    proxy.fate = (method, path) =>
      method === 'PUT' && path.includes(`/runs/${name}/`) ? refusal(403, 'AccessDenied') : 'pass';
    const failed = await engine.run(name);
    expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'storage_unreachable', delivered: 0 });
    expect(failed.error).toMatch(new RegExp(`^${where} refuses s3:PutObject of ${location}/runs/${name}/`));
    proxy.fate = (method) => (method === 'PUT' ? refusal(507, 'XMinioStorageFull') : 'pass');
    const refused = await failureOf(engine.rowcast.syncs.update({ ...definition, title: 'Changed' }));
    expect(refused).toMatchObject({
      code: 'storage_full',
      message: `${where} is full (XMinioStorageFull); make room, and the work goes on.`,
    });
    proxy.fate = () => 'pass';
    expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded_with_errors', rows: ROWS, since: 0 });
    expect(engine.receiver.log.stats()).toMatchObject({ distinct: ROWS - FAILED, violations: [] });
  },
);

test.skipIf(missing !== null)(
  `a worker that may not use its bucket does not start, and says why${reason}`,
  async () => {
    const env = { ...server?.env, ROWCAST_STORAGE: newLocation() };
    await using engine = await startEngine({ env });
    await engine.killWorker();
    engine.startWorker({ ...READER, ROWCAST_STORAGE: newLocation() });
    await new Promise((resolve) => engine.worker.child.once('exit', resolve));
    expect(engine.worker.child.exitCode).toBe(1);
    expect(readFileSync(engine.workerLog, 'utf8').split('\n').slice(1).join('\n')).toMatch(
      new RegExp(`^The bucket ${BUCKET} at .* refuses s3:DeleteObject of .*\\.\n$`),
    );
  },
);
