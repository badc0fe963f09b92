import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { showProgress } from '../../cli/progressLine.ts';
import { connect, parseRowcastFile } from '../../client/index.ts';
import type { ImportRecord, Rowcast } from '../../client/index.ts';
import { connectTo } from '../postgres.ts';
import { onStopSignal } from '../stopSignals.ts';
import { compare } from './check.ts';
import { receivedCalls, receiverStats } from './receivedCalls.ts';
import { removeSyncs } from './removeSyncs.ts';
import { sayExamples, sayImports, sayWhereToLook } from './report.ts';
import { Cleanup, startDemoStack } from './stack.ts';
import type { DemoStack } from './stack.ts';

/*
 * npm run demo [-- --keep]: a whole Rowcast on this machine, from an empty database to calls that are compared
 * one by one with what they ought to be. The exit code says whether they were exactly right.
 */

const keep = process.argv.includes('--keep');
const startMs = performance.now();
const say = (line = '') => console.log(line);
const step = (line: string) =>
  console.log(`\n[${((performance.now() - startMs) / 1_000).toFixed(1)} s] ${line}`);

const SYNCS = ['people', 'orders', 'page-views', 'screen-views', 'companies'];

const base = join(import.meta.dirname, '..', '..', '.rowcast');
mkdirSync(base, { recursive: true });
const folder = mkdtempSync(join(base, 'demo-'));
const cleanup = new Cleanup();
cleanup.add(() => rm(folder, { recursive: true, force: true }));

let stopping = false;
const isStopping = () => stopping;
const stop = async (code: number) => {
  if (stopping) return;
  stopping = true;
  await cleanup.run();
  process.exit(code);
};
onStopSignal((exitCode) => {
  say('\nStopping everything that was started …');
  void stop(exitCode);
});

try {
  await demo();
  if (keep) await sleep(2 ** 31 - 1);
  await stop(0);
} catch (error) {
  if (!isStopping())
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  await stop(1);
}

/** What the parts of the demo share. */
interface Demo {
  readonly stack: DemoStack;
  readonly rowcast: Rowcast;
  readonly sql: pg.Client;
  /** Added to every name where a cluster is used that belongs to somebody. */
  readonly tag: string;
}

async function demo(): Promise<void> {
  const isOwnServer = (process.env['TEMPORAL_ADDRESS'] ?? '') === '';
  const tag = isOwnServer ? '' : `-demo-${randomBytes(3).toString('hex')}`;
  step("Starting Temporal, PostgreSQL with a shop in it, a receiver like Customer.io's API, and a worker …");
  const stack = await startDemoStack(folder, tag, cleanup);
  say(
    `      Temporal ${stack.temporalAddress}, PostgreSQL 127.0.0.1:${stack.postgres.port}, receiver ${stack.receiverUrl}`,
  );
  const rowcast = await connect({ env: stack.env });
  cleanup.add(() => rowcast.close());
  if (!isOwnServer)
    cleanup.add(() =>
      removeSyncs(
        stack,
        SYNCS.map((name) => `${name}${tag}`),
        tag,
      ),
    );
  const sql = await connectTo(stack.postgres, 'shop');
  sql.on('error', () => undefined); // It ends with its server.
  const all: Demo = { stack, rowcast, sql, tag };

  await applyDefinitions(all);
  const first = await firstRuns(all);
  await changedRows(all, first);
  await badRow(all);
  await sayImports(rowcast);
  await sayExamples(rowcast, first);
  const stats = await receiverStats(stack.receiverUrl);
  if (stats.violations.length > 0) throw new Error(`The receiver saw ${stats.violations[0] ?? ''}`);
  if (stats.received !== stats.distinct)
    throw new Error(`${stats.received - stats.distinct} calls came twice`);
  step(
    `All ${stats.distinct.toLocaleString('en-US')} calls are exactly what PostgreSQL expects, each once, in ${stats.requests} requests.`,
  );
  sayWhereToLook(stack, folder, keep);
}

async function applyDefinitions({ rowcast, stack, tag }: Demo): Promise<void> {
  step('Applying dev/demo/rowcast.yaml …');
  const path = join(import.meta.dirname, 'rowcast.yaml');
  const text = readFileSync(path, 'utf8')
    .replaceAll('${POSTGRES_PORT}', String(stack.postgres.port))
    .replaceAll('${RECEIVER_URL}', stack.receiverUrl)
    .replaceAll('${TAG}', tag);
  const file = await parseRowcastFile(text, { path, readFile: () => Promise.reject(new Error('no file')) });
  for (const { kind, name, change, tested } of await rowcast.apply(file))
    say(`      ${kind} ${name} ${tested ? 'tested, ' : ''}${change}`);
}

/** Runs a sync, shows how far it is, and waits for its end. */
async function run({ rowcast, tag }: Demo, name: string): Promise<ImportRecord> {
  const { run: id } = await rowcast.syncs.run(`${name}${tag}`);
  await showProgress(rowcast.imports.watch(id));
  const record = await rowcast.imports.wait(id);
  const { outcome, rows, delivered, failed } = record;
  say(
    `      ${name.padEnd(13)} ${outcome}: ${rows ?? 0} rows, ${delivered ?? 0} delivered, ${failed ?? 0} failed`,
  );
  return record;
}

async function runAndCompare(all: Demo, name: string, rows: number | null): Promise<ImportRecord> {
  const { distinct } = await receiverStats(all.stack.receiverUrl);
  const record = await run(all, name);
  if (record.outcome !== 'succeeded') throw new Error(`${name} ${record.outcome}: ${record.error ?? ''}`);
  const calls = await receivedCalls(all.stack.receiverUrl, distinct);
  const { differences } = await compare(all.sql, name, { since: record.since ?? 0, calls });
  if (differences.length > 0)
    throw new Error(`${name} sent what it should not:\n  ${differences.join('\n  ')}`);
  if (record.delivered !== calls.length || (rows !== null && calls.length !== rows)) {
    throw new Error(
      `${name} says ${record.delivered ?? 0} calls, the receiver has ${calls.length}, expected ${rows ?? 'as many'}`,
    );
  }
  return record;
}

async function firstRuns(all: Demo): Promise<ImportRecord[]> {
  step(
    'First interval of each sync: {{last_sync_time}} is 0, so every row becomes a call. Each call is compared.',
  );
  const records: ImportRecord[] = [];
  for (const name of SYNCS) records.push(await runAndCompare(all, name, null));
  return records;
}

/** Changes rows once the second of the runs so far is over, so that the next window begins after it. */
async function change(sql: pg.Client, statement: string): Promise<void> {
  await sleep(1_100);
  await sql.query(statement);
  await sleep(1_100);
}

async function changedRows(all: Demo, first: readonly ImportRecord[]): Promise<void> {
  step('Changing 3 people and adding 2 orders; the second interval sends only those.');
  await change(
    all.sql,
    `UPDATE people SET plan = 'enterprise ✨', last_updated = now() WHERE id IN (1, 2, 3);
     INSERT INTO orders SELECT 100000 + n, n, 'Gift card', 1, 25.00, NULL, now(), now() FROM generate_series(1, 2) n;`,
  );
  const expected: Record<string, number> = { people: 3, orders: 2 };
  for (const [index, name] of SYNCS.entries()) {
    const record = await runAndCompare(all, name, expected[name] ?? 0);
    if (record.since !== first[index]?.until) throw new Error(`${name} did not go on where it stopped`);
  }
}

async function badRow(all: Demo): Promise<void> {
  step('Making one order bad (a note of 200 KB), beside a good one; the bad one alone is reported.');
  await change(
    all.sql,
    `INSERT INTO orders VALUES (200001, 1, 'Poster', 1, 5.00, repeat('x', 200000), now(), now());
     INSERT INTO orders VALUES (200002, 1, 'Poster', 1, 5.00, 'a good one', now(), now());`,
  );
  const { run: id, outcome, delivered, failed } = await run(all, 'orders');
  const errors = await Array.fromAsync(all.rowcast.imports.errors(id));
  for (const { row, code, message } of errors) say(`      row ${row}: ${code}: ${message}`);
  const isRight = outcome === 'succeeded_with_errors' && delivered === 1 && failed === 1;
  if (!isRight || errors.length !== 1 || errors[0]?.data['order_id'] !== 200001) {
    throw new Error(
      `expected one row to fail and one to be delivered, but: ${outcome}, ${delivered ?? 0}, ${failed ?? 0}`,
    );
  }
}
