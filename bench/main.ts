import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { connectTo, startPostgres } from '../dev/postgres.ts';
import { INSTALL_FOLDER } from '../dev/temporal.ts';
import { messageOf } from '../errors.ts';
import type { Bench, Competitor, Contestant } from './contestants/contestant.ts';
import { CONTESTANTS } from './contestants/index.ts';
import { firstCallsAreRight, Receiver } from './received.ts';
import { cpuMsWithChildren, parentOf } from './processes.ts';
import { memoryGrowth, writeResults } from './results.ts';
import type { Measured } from './results.ts';
import { makeTable } from './tables.ts';
import type { BenchTable, Shape } from './tables.ts';

/*
 * npm run bench [-- --quick] [--rounds N] [--only NAME …]: all contestants move the rows of the same tables to the same
 * receiver, in turn, so many rounds; bench/RESULTS.md has the medians. It ends with a failure where Rowcast loses a row,
 * sends a wrong call, or takes more memory for more rows; never for its speed.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));

/** What is moved, in this order: memory that grows with the rows would show. */
const TABLES: readonly { readonly shape: Shape; readonly rows: number; readonly isQuick: boolean }[] = [
  { shape: 'narrow', rows: 0, isQuick: true },
  { shape: 'narrow', rows: 1_000, isQuick: true },
  { shape: 'narrow', rows: 100_000, isQuick: true },
  { shape: 'narrow', rows: 1_000_000, isQuick: true },
  { shape: 'wide', rows: 100_000, isQuick: false },
  { shape: 'heavy', rows: 50_000, isQuick: false },
  { shape: 'address', rows: 20_000, isQuick: false },
];

interface Ready {
  readonly contestant: Contestant;
  readonly competitor: Competitor;
}

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
  const packages = join(INSTALL_FOLDER, 'bench');
  mkdirSync(packages, { recursive: true });
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const sql = await connectTo(postgres);
  sql.on('error', () => undefined);
  const receiver = new Receiver(await startReceiver());
  const bench: Bench = { postgres, receiver: receiver.url, folder, packages };
  const { ready, absent } = await startAll(bench);
  const measured: Measured[] = [];
  const databasePid = await postmasterOf(sql);
  for (const { shape, rows } of TABLES.filter(({ isQuick }) => isQuick || !values.quick)) {
    const table = await makeTable(sql, shape, rows);
    for (let round = 1; round <= rounds; round += 1) {
      for (const each of ready) {
        const taken = await tableFor(each.contestant, table, sql);
        if (taken === null) continue;
        const result = await compete(each, taken, { sql, receiver, databasePid });
        measured.push({ ...result, insteadOf: table });
      }
    }
  }
  writeResults({ measured, absent, rounds, isQuick: values.quick });
  judge(measured);
}

async function startAll(bench: Bench): Promise<{ ready: Ready[]; absent: Map<string, string> }> {
  const ready: Ready[] = [];
  const absent = new Map<string, string>();
  for (const contestant of CONTESTANTS) {
    if (values.only !== undefined && !values.only.some((name) => contestant.name.includes(name))) continue;
    const competitor = await contestant.start(bench);
    if (typeof competitor === 'string') {
      absent.set(contestant.name, competitor);
      console.log(`${contestant.name}: absent, ${competitor}`);
      continue;
    }
    ready.push({ contestant, competitor });
    stack.defer(() => competitor.stop?.() ?? Promise.resolve());
  }
  return { ready, absent };
}

/** Of a large table as many rows as a slow contestant can move in the time that there is, instead; null where it has. */
async function tableFor(
  { name, rowsMax }: Contestant,
  table: BenchTable,
  sql: pg.Client,
): Promise<BenchTable | null> {
  const rowsAtMost = values.quick ? rowsMax.quick : rowsMax.full;
  // What a run costs that finds nothing is asked of Rowcast alone.
  if (table.rows === 0) return name === 'Rowcast' ? table : null;
  // Of so few rows the others would show little but how long they take to start.
  if (values.quick && table.rows <= 1_000 && rowsAtMost < Infinity) return null;
  if (table.rows <= rowsAtMost) return table;
  const isLargest = TABLES.every(({ shape, rows }) => shape !== table.shape || rows <= table.rows);
  const isMoved = TABLES.some(({ shape, rows }) => shape === table.shape && rows === rowsAtMost);
  return isLargest && !isMoved ? await makeTable(sql, table.shape, rowsAtMost) : null;
}

interface Surroundings {
  readonly sql: pg.Client;
  readonly receiver: Receiver;
  readonly databasePid: number;
}

async function compete(
  { contestant, competitor }: Ready,
  table: BenchTable,
  { sql, receiver, databasePid }: Surroundings,
): Promise<Omit<Measured, 'insteadOf'>> {
  await receiver.forget();
  const databaseBefore = cpuMsWithChildren(databasePid);
  const one = { contestant, table };
  try {
    const figures = await competitor.run(table);
    const databaseAfter = cpuMsWithChildren(databasePid);
    const databaseCpuMs =
      databaseBefore === null || databaseAfter === null ? null : databaseAfter - databaseBefore;
    const counts = await receiver.counts();
    const isWhole = !contestant.delivers || (counts.calls === table.rows && counts.distinct === table.rows);
    const isRight = contestant.name !== 'Rowcast' || (await firstCallsAreRight(receiver, sql, table));
    const wrong = isWhole
      ? isRight
        ? null
        : 'its calls are not those of the rows'
      : `${counts.calls} calls came, ${counts.distinct} of them distinct`;
    const seconds = figures.ms / 1_000;
    console.log(
      `${contestant.name}, ${table.rows} rows (${table.shape}): ${seconds.toFixed(2)} s, ` +
        `${Math.round(table.rows / seconds)} rows/s${wrong === null ? '' : `, but ${wrong}`}`,
    );
    return { ...one, figures, counts, databaseCpuMs, wrong };
  } catch (error) {
    console.log(`${contestant.name}, ${table.rows} rows (${table.shape}): ${messageOf(error)}`);
    return { ...one, figures: null, counts: null, databaseCpuMs: null, wrong: messageOf(error) };
  }
}

async function postmasterOf(sql: pg.Client): Promise<number> {
  const { rows } = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return parentOf(rows[0]?.pid ?? 0) ?? 0;
}

async function startReceiver(): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'receiver.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  stack.defer(async () => {
    child.stdin.end();
    await once(child, 'exit');
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return url;
}

/** Fails the bench where Rowcast was wrong. */
function judge(measured: readonly Measured[]): void {
  const wrong = measured.filter((each) => each.contestant.name === 'Rowcast' && each.wrong !== null);
  for (const { table, wrong: what } of wrong) console.error(`Rowcast, ${table.rows} rows: ${what}`);
  const growth = memoryGrowth(measured);
  if (growth !== null) console.error(growth);
  if (wrong.length > 0 || growth !== null) process.exitCode = 1;
}
