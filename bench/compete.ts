import { loadavg } from 'node:os';
import { messageOf } from '../errors.ts';
import { cameOf, twiceWords } from './came.ts';
import type { Competitor, Contestant, Figures } from './contestants/contestant.ts';
import { rowcast } from './contestants/rowcast.ts';
import { cpuMsWithChildren } from './processes.ts';
import type { Databases } from './databases.ts';
import { wrongCalls } from './received.ts';
import type { Counts, Receiver } from './received.ts';
import type { TableSpec } from './tables.ts';

/** One contestant with one table, once. */
export interface Measured {
  readonly contestant: Contestant;
  readonly table: TableSpec;
  readonly round: number;
  /** The machine's load over the last minute, before and after. */
  readonly load: readonly [number, number];
  /** Null where it failed. */
  readonly figures: Figures | null;
  readonly counts: Counts | null;
  readonly databaseCpuMs: number | null;
  /** Why it has no figure, or null. */
  readonly wrong: string | null;
}

interface Task {
  readonly table: TableSpec;
  readonly round: number;
  /** Whether the contestant begins anew before. */
  readonly isAnew: boolean;
  readonly receiver: Receiver;
  readonly databases: Databases;
}

/** Lets a contestant move a table, and says what that took and whether everything came; whatever fails is its failure. */
export async function compete(
  contestant: Contestant,
  competitor: Competitor,
  { table: spec, round, isAnew, receiver, databases }: Task,
): Promise<Measured> {
  const databasePid = databases.pidOf(spec.database);
  const before = loadavg()[0] ?? NaN;
  const outcome = async () => {
    const table = await databases.make(spec);
    if (isAnew) await competitor.renew?.();
    await receiver.forget();
    const databaseBefore = cpuMsWithChildren(databasePid);
    const figures = await competitor.run(table);
    const databaseAfter = cpuMsWithChildren(databasePid);
    const counts = await receiver.counts();
    const lost = contestant.delivers ? cameOf(table.rows, counts).lost : null;
    const wrong = lost ?? (contestant === rowcast ? await wrongCalls(receiver, databases.sql, table) : null);
    const databaseCpuMs =
      databaseBefore === null || databaseAfter === null ? null : databaseAfter - databaseBefore;
    return { figures, counts, databaseCpuMs, wrong };
  };
  const found = await outcome().catch((error: unknown) => ({
    ...{ figures: null, counts: null, databaseCpuMs: null },
    wrong: messageOf(error),
  }));
  const measured = { contestant, table: spec, round, load: [before, loadavg()[0] ?? NaN] as const, ...found };
  console.log(lineOf(measured));
  return measured;
}

function lineOf({ contestant, table, figures, counts, wrong }: Measured): string {
  const what = `${contestant.name}, ${table.rows} rows (${table.shape}, ${table.database})`;
  if (figures === null) return `${what}: ${wrong ?? ''}`;
  const seconds = figures.ms / 1_000;
  const rate = `${seconds.toFixed(2)} s, ${Math.round(table.rows / seconds)} rows/s`;
  const but = wrong ?? (counts === null ? null : twiceWords(cameOf(table.rows, counts).twice));
  return `${what}: ${rate}${but === null ? '' : `, but ${but}`}`;
}
