import type { ImportRecord } from '../../client/index.ts';
import type { FailedRow } from '../../client/index.ts';
import type { RowValues, SyncPlan } from './syncs.ts';
import type { Break, World } from './world.ts';

/** A row as it was for some time, and for how long others could see it so; milliseconds since 1970. */
export interface Version extends RowValues {
  /** The row is no more. */
  readonly gone: boolean;
  /** Nobody saw it before. */
  readonly fromMs: number;
  /** Everybody sees it from then on, unless there is a newer one; Infinity where that is not known. */
  readonly surelyFromMs: number;
  /** Nobody sees it any more after that: a newer one is there. Infinity where there is none, or that is not known. */
  readonly untilMs: number;
}

/** A call as the receiver took it first. */
export interface Arrival {
  readonly call: Record<string, unknown>;
  readonly messageId: string;
  /** Its place among all first arrivals. */
  readonly place: number;
  /** Whether it was read before and not taken, as far as can be told. */
  readonly mayHaveBeenRefused: boolean;
  readonly k: number;
  readonly version: number;
  /** By the call itself; null where it does not say. */
  readonly since: number | null;
}

/** All that is known of a sync at the end of a round, from the database, the receiver and Rowcast. */
export interface Truth {
  readonly plan: SyncPlan;
  readonly versions: readonly Version[];
  readonly arrivals: readonly Arrival[];
  /** Newest last. */
  readonly imports: readonly ImportRecord[];
  /** Of each import, by its run. */
  readonly errors: ReadonlyMap<string, readonly FailedRow[]>;
  readonly lastSyncTime: number;
  readonly breaks: readonly Break[];
  /** Users whose calls may have been refused; `*`: anybody's. */
  readonly refusals: ReadonlySet<string>;
}

/** Gathers it once everything is quiet. */
export async function gatherTruth(world: World, plan: SyncPlan): Promise<Truth> {
  const { rowcast, breaks, refusals } = world;
  const { name } = plan;
  const imports = (await Array.fromAsync(rowcast.imports.list(name))).reverse();
  const errors = new Map<string, FailedRow[]>();
  for (const { run, failed } of imports) {
    if ((failed ?? 0) > 0) errors.set(run, await Array.fromAsync(rowcast.imports.errors(run)));
  }
  return {
    plan,
    versions: await readVersions(world, plan),
    arrivals: arrivalsOf(world, name),
    imports: imports.sort((left, right) => (left.endedAt ?? '').localeCompare(right.endedAt ?? '')),
    errors,
    lastSyncTime: (await rowcast.syncs.get(name)).lastSyncTime,
    breaks: breaks.filter(({ sync }) => sync === name),
    refusals,
  };
}

interface HistoryRow {
  k: number;
  version: number;
  person: string | null;
  at: string;
  note: string | null;
  amount: string;
  flag: boolean;
  gone: boolean;
  batch: number;
}

async function readVersions({ writer }: World, { table }: SyncPlan): Promise<Version[]> {
  const rows = await writer.query<HistoryRow>(
    `SELECT k, version, person, extract(epoch FROM at)::text AS at, note, amount::text, flag, gone, batch
     FROM ${table}_history ORDER BY k, version`,
  );
  const batchOf = ({ batch }: HistoryRow) => {
    const found = writer.batches[batch];
    if (found === undefined) throw new Error(`there is no transaction ${batch}`);
    return found;
  };
  return rows.map((row, index) => {
    const { k, version, person, note, flag, gone } = row;
    const { fromMs, untilMs: surelyFromMs } = batchOf(row);
    const next = rows.slice(index + 1, index + 3).find((other) => other.k === k && other.version > version);
    return {
      ...{ k, version, person, note, flag, gone, fromMs, surelyFromMs },
      at: Number(row.at),
      amount: Number(row.amount),
      untilMs: next === undefined ? Infinity : batchOf(next).untilMs,
    };
  });
}

function arrivalsOf({ receiver, refusals }: World, sync: string): Arrival[] {
  const { calls, batches } = receiver.log;
  const times = new Map<string, number>();
  for (const id of batches.flatMap(({ messageIds }) => messageIds)) times.set(id, (times.get(id) ?? 0) + 1);
  return calls.flatMap((call, place) => {
    const fields = (call['traits'] ?? call['properties']) as Record<string, unknown>;
    if (fields['sync'] !== sync) return [];
    const messageId = String(call['messageId']);
    const wasDisliked = refusals.has('*') || refusals.has(String(call['userId']));
    const mayHaveBeenRefused = wasDisliked && (times.get(messageId) ?? 0) > 1;
    const { k, version, since = null } = fields as { k: number; version: number; since?: number };
    return [{ call, messageId, place, mayHaveBeenRefused, k, version, since }];
  });
}
