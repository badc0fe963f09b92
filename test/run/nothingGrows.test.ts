import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MESSAGES, syncWorkflowId } from '../../workflows/contract.ts';
import type { BeginRunAnswer, BeginRunRequest, FinishRunRequest } from '../../workflows/messages.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/*
 * Nothing grows with the runs that a worker and a sync have behind them. What Linux says of a process is not to be
 * had elsewhere, and the test is skipped there.
 */

const isLinux = process.platform === 'linux';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ receiver: { store: 'ids' } });
});
afterAll(() => engine[Symbol.asyncDispose]());

/** What a worker holds while nothing is under way. */
interface Holdings {
  /** The most memory that it had since the look before, in kB. */
  readonly peakKb: number;
  /** Connections, files, pipes and whatever else is open. */
  readonly handles: number;
  readonly connections: number;
  readonly databaseConnections: number;
  /** Files in its storage. */
  readonly files: number;
}

/** Connections to destinations are kept for the next request; the receiver closes them after five seconds. */
const KEPT_ALIVE_MS = 6_000;

/** Looks at what the worker holds, and lets its peak of memory begin anew. */
async function look(): Promise<Holdings> {
  const folder = `/proc/${engine.worker.child.pid ?? 0}`;
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`${folder}/status`, 'utf8'));
  await sleep(KEPT_ALIVE_MS);
  const handles = readdirSync(`${folder}/fd`).map((fd) => readlinkSync(`${folder}/fd/${fd}`));
  const { rows } = await engine.sql.query(
    `SELECT 1 FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = current_database()`,
  );
  const files = readdirSync(engine.storage, { recursive: true, withFileTypes: true });
  writeFileSync(`${folder}/clear_refs`, '5'); // What Linux takes for "forget the peak".
  return {
    peakKb: Number(peak?.[1]),
    handles: handles.length,
    connections: handles.filter((target) => target.startsWith('socket:')).length,
    databaseConnections: rows.length,
    files: files.filter((entry) => entry.isFile()).length,
  };
}

const ROWS = 100_000;

test.skipIf(!isLinux)(
  `the tenth run of ${ROWS} rows takes no more than the third (skipped except on Linux)`,
  { timeout: 600_000 },
  async () => {
    const name = await engine.sync({
      name: 'often',
      query: `SELECT 'user-' || n AS "userId", md5(n::text) AS token, {{last_sync_time}} AS since
        FROM generate_series(1, ${ROWS}) n`,
      // What an import keeps by its setting grows with their number, and is not meant here.
      keepCalls: 0,
    });
    const runs = async (times: number) => {
      for (let run = 1; run <= times; run += 1) {
        expect(await engine.run(name)).toMatchObject({ outcome: 'succeeded', delivered: ROWS });
      }
      return look();
    };
    const third = await runs(3);
    await runs(6);
    const tenth = await runs(1);
    expect(tenth.peakKb).toBeLessThanOrEqual(third.peakKb * 1.1);
    expect(tenth.handles).toBeLessThanOrEqual(third.handles * 1.1);
    expect(tenth.connections).toBeLessThanOrEqual(third.connections);
    expect(tenth.databaseConnections).toBe(0);
    expect(tenth.files).toBe(third.files);
  },
);

/**
 * So many runs without rows, one after the other, as their activities tell the sync of them: each hands back its
 * result while the next one asks for the lease already.
 *
 * @param first the number of the first of them.
 */
async function emptyRuns(name: string, first: number, times: number): Promise<void> {
  const handle = engine.temporal.workflow.getHandle(syncWorkflowId(name));
  const begin = async (number: number): Promise<void> => {
    const args: [BeginRunRequest] = [messagesOf(name, number)[0]];
    const { kind } = await handle.executeUpdate<BeginRunAnswer, [BeginRunRequest]>(MESSAGES.beginRun, {
      args,
    });
    if (kind === 'held') await begin(number); // It was heard before the result of the run before it.
  };
  await begin(first);
  for (let number = first; number < first + times; number += 1) {
    const ended = handle.executeUpdate(MESSAGES.finishRun, { args: [messagesOf(name, number)[1]] });
    await Promise.all([ended, number + 1 < first + times ? begin(number + 1) : undefined]);
  }
}

function messagesOf(name: string, number: number): [BeginRunRequest, FinishRunRequest] {
  const run = `rowcast-run-${name}-2027-01-01T00:00:00Z~${number}`;
  const at = new Date().toISOString();
  const begun = { run, startedAt: at, trigger: 'schedule', skippedBefore: 0, upToDate: true } as const;
  const ended = { run, outcome: 'succeeded', endedAt: at, until: number, rows: 0, delivered: 0 } as const;
  return [
    { ...begun, holder: null, quietMs: 1_000 },
    { ...ended, failed: 0, skippedAfter: 0, errorCode: null, error: null, warnings: [] },
  ];
}

/** Enough to continue as new some times; ROWCAST_TEST_RUNS=5000 takes a quarter of an hour. */
const RUNS = Number(process.env['ROWCAST_TEST_RUNS'] ?? 1_000);

test(`a sync is as quick and as small after ${RUNS} runs as after ten`, { timeout: 3_600_000 }, async () => {
  const [old, young] = [
    await engine.sync({ name: 'old', query: 'SELECT 1 AS "userId"' }),
    await engine.sync({ name: 'young', query: 'SELECT 1 AS "userId"' }),
  ];
  await emptyRuns(old, 1, RUNS);
  await emptyRuns(young, RUNS - 9, 10);
  expect(await engine.rowcast.syncs.get(old)).toMatchObject({ lastSyncTime: RUNS, running: null });
  expect((await Array.fromAsync(engine.rowcast.imports.list(old))).length).toBe(100);

  // Side by side, in turn, since a machine is not as quick at all times.
  const took = new Map<string, number[]>([
    [old, []],
    [young, []],
  ]);
  for (let turn = 0; turn < 20; turn += 1) {
    for (const [name, times] of took) {
      const startMs = performance.now();
      await emptyRuns(name, RUNS + 1 + turn * 3, 3);
      times.push(performance.now() - startMs);
    }
  }
  expect(medianOf(took.get(old))).toBeLessThan(medianOf(took.get(young)) * 2);

  const { raw, historyLength } = await engine.temporal.workflow.getHandle(syncWorkflowId(old)).describe();
  expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(raw.workflowExecutionInfo?.execution?.runId);
  // Where Temporal suggests to continue as new, and a few messages more.
  expect(historyLength).toBeLessThan(6_000);
});

function medianOf(times: readonly number[] = []): number {
  return times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? NaN;
}
