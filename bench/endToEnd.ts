import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { connect } from '../client/index.ts';
import type { Rowcast } from '../client/index.ts';
import { connectTo, startPostgres } from '../dev/postgres.ts';
import { startServer } from '../dev/process.ts';
import { findTemporal, startTemporal } from '../dev/temporal.ts';
import { receiverStats } from '../dev/demo/receivedCalls.ts';

/*
 * npm run bench [-- --rows N --runs N]: the rows of a query of ten columns, end to end: PostgreSQL, mapping,
 * staging, delivery to a receiver that checks every call, books closed. Beside it the same query by COPY, drained,
 * which is as fast as PostgreSQL hands rows out at all.
 */

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '3' } },
});
const rows = Number(values.rows);
const runs = Number(values.runs);
const ROOT = join(import.meta.dirname, '..');
const WRITE_KEY = 'bench-write-key';

const QUERY = `SELECT id AS "userId", email, first_name, last_name, plan, visits, spent, is_active, created_at, note FROM people`;

const stack = new AsyncDisposableStack();
try {
  await measure();
} finally {
  await stack.disposeAsync();
}
process.exit(process.exitCode ?? 0);

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const found = await findTemporal();
  if (found.kind === 'cluster') throw new Error('Unset TEMPORAL_ADDRESS: the bench starts its own server.');
  const temporal = await startTemporal({
    path: found.path,
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
    ui: false,
  });
  stack.defer(() => temporal.stop());
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const sql = await connectTo(postgres);
  sql.on('error', () => undefined);
  await fill(sql);
  const receiverUrl = await startReceiver();
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: temporal.address,
    ROWCAST_STORAGE: join(folder, 'storage'),
    ROWCAST_SECRET_PASSWORD: postgres.password,
    ROWCAST_SECRET_WRITE_KEY: WRITE_KEY,
  };
  const worker = startServer({
    command: process.execPath,
    args: [join(ROOT, 'worker.ts')],
    env,
    logFile: join(folder, 'worker.log'),
  });
  stack.defer(() => worker.stop());
  while (!readFileSync(join(folder, 'worker.log'), 'utf8').includes('worker is ready')) await sleep(100);
  const rowcast = await connect({ env });
  stack.defer(() => rowcast.close());
  await rowcast.destinations.update({
    name: 'receiver',
    kind: 'customerio',
    url: receiverUrl,
    writeKey: { secret: 'write-key' },
  });
  const { host, port, user } = postgres;
  await rowcast.integrations.update({
    name: 'bench',
    source: {
      kind: 'postgres',
      host,
      port,
      database: 'postgres',
      user,
      password: { secret: 'password' },
      tls: 'off',
    },
    destination: 'receiver',
  });
  await rowcast.syncs.update(
    { name: 'people', integration: 'bench', type: 'identify', every: '1 day', query: QUERY },
    { enabled: false },
  );

  await compareRuns({ rowcast, sql, workerPid: worker.child.pid });
  const stats = await receiverStats(receiverUrl);
  const isOnce = stats.received === stats.distinct ? 'yes' : 'NO';
  console.log(`The receiver has ${stats.distinct.toLocaleString('en-US')} calls, each once: ${isOnce}`);
}

interface Compared {
  readonly rowcast: Rowcast;
  readonly sql: pg.Client;
  readonly workerPid: number | undefined;
}

async function compareRuns({ rowcast, sql, workerPid }: Compared): Promise<void> {
  console.log(`${rows.toLocaleString('en-US')} rows of 10 columns`);
  for (let run = 1; run <= runs; run += 1) {
    const copyMs = await copied(sql);
    const { run: id } = await rowcast.syncs.run('people');
    const record = await rowcast.imports.wait(id);
    if (record.outcome !== 'succeeded' || record.delivered !== rows) {
      throw new Error(`the run ended as ${record.outcome}: ${record.error ?? ''}`);
    }
    const endToEndMs = Date.parse(record.endedAt ?? '') - Date.parse(record.startedAt);
    const perSecond = (ms: number) => Math.round((rows / ms) * 1_000).toLocaleString('en-US');
    console.log(
      `run ${run}: COPY ${perSecond(copyMs)} rows/s, Rowcast end to end ${perSecond(endToEndMs)} rows/s ` +
        `(${(endToEndMs / 1_000).toFixed(1)} s, ratio ${(copyMs / endToEndMs).toFixed(2)}), ` +
        `worker at most ${peakMegabytes(workerPid)} MB`,
    );
  }
}

async function fill(sql: pg.Client): Promise<void> {
  await sql.query(`
    CREATE TABLE people AS SELECT n::bigint AS id, 'person' || n || '@example.com' AS email,
      'First' || n % 1000 AS first_name, 'Last' || n % 7919 AS last_name,
      (ARRAY['free', 'basic', 'pro'])[1 + n % 3] AS plan, n % 365 AS visits, (n % 100000) / 100.0 AS spent,
      n % 2 = 0 AS is_active, timestamptz '2020-01-01' + n * interval '1 second' AS created_at,
      CASE WHEN n % 5 = 0 THEN 'Wrote "hello" to us' END AS note
    FROM generate_series(1, ${rows}) n;
    ANALYZE people;
  `);
}

/** Milliseconds that COPY takes for the same query, its output read and dropped. */
async function copied(sql: pg.Client): Promise<number> {
  const start = performance.now();
  const drain = new Writable({ write: (_chunk, _encoding, done) => done() });
  await pipeline(sql.query(copyTo(`COPY (${QUERY}) TO STDOUT`)), drain);
  return performance.now() - start;
}

async function startReceiver(): Promise<string> {
  const args = [join(ROOT, 'dev', 'receiver', 'main.ts'), '--write-key', WRITE_KEY, '--store', 'ids'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  stack.defer(async () => {
    child.stdin.end();
    await once(child, 'exit');
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return url;
}

/** The most memory that a process has had, in MB; unknown except on Linux. */
function peakMegabytes(pid: number | undefined): string {
  try {
    const status = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
    return String(Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024));
  } catch {
    return '?';
  }
}
