import { importSegments, momentOf } from './importSegments.ts';
import { INDEX, readRunFiles } from './runFiles.ts';
import type { Storage } from './storage.ts';

/** What is to be kept of a sync. */
export interface SyncKeep {
  readonly sync: string;
  /** For how long, in milliseconds from the start of a run. */
  readonly importsMs: number;
  readonly errorsMs: number;
  readonly callsMs: number;
  /** The folder of the run that is under way, which is left alone. */
  readonly running: string | null;
}

/** What a sweep removed. */
export interface Swept {
  /** Runs whose failed rows were too old. */
  readonly errors: number;
  /** Runs whose kept calls were too old. */
  readonly calls: number;
  /** Runs that were lost before they could settle. */
  readonly lost: number;
  /** Objects with imports that were too old. */
  readonly imports: number;
  /** All objects together. */
  readonly objects: number;
}

export const NOTHING_SWEPT: Swept = { errors: 0, calls: 0, lost: 0, imports: 0, objects: 0 };

/** A run that ended without settling can leave no more by then: it reads for 24 hours, and delivers for 20. */
const LOST_AFTER_MS = 4 * 86_400_000;

/**
 * Removes what is older than a sync is to keep, and what lost runs left.
 *
 * @param keep read before this: a run that began since is too young for anything of it to be removed.
 * @throws RowcastError
 */
export async function sweepSync(storage: Storage, keep: SyncKeep, nowMs: number): Promise<Swept> {
  let swept = NOTHING_SWEPT;
  const keysByRun = Map.groupBy(await storage.list(`runs/${keep.sync}`), folderOf);
  for (const [folder, keys] of keysByRun) {
    const startedMs = startOf(folder);
    if (folder === keep.running || startedMs === null) continue;
    swept = sum(swept, await sweepRun(storage, keep, { folder, keys, ageMs: nowMs - startedMs }));
  }
  const oldest = momentOf(new Date(nowMs - keep.importsMs).toISOString());
  const old = (await importSegments(storage, keep.sync)).filter(({ last }) => last < oldest);
  await storage.removeObjects(old.map(({ key }) => key));
  return sum(swept, { ...NOTHING_SWEPT, imports: old.length, objects: old.length });
}

interface LeftRun {
  readonly folder: string;
  readonly keys: readonly string[];
  readonly ageMs: number;
}

async function sweepRun(storage: Storage, keep: SyncKeep, { folder, keys, ageMs }: LeftRun): Promise<Swept> {
  const index = `${folder}/${INDEX}`;
  if (!keys.includes(index)) {
    if (ageMs <= LOST_AFTER_MS) return NOTHING_SWEPT;
    await storage.remove(folder);
    return { ...NOTHING_SWEPT, lost: 1, objects: keys.length };
  }
  const [errorsToo, callsToo] = [ageMs > keep.errorsMs, ageMs > keep.callsMs];
  if (!errorsToo && !callsToo) return NOTHING_SWEPT;
  const { errorFiles, untriedFiles = [], callFiles, manifest } = await readRunFiles(storage, folder);
  const there = (files: readonly string[]) => files.filter((file) => keys.includes(file));
  const [errors, calls] = [
    errorsToo ? there([...errorFiles, ...untriedFiles]) : [],
    callsToo ? there(callFiles) : [],
  ];
  const described = manifest === undefined ? [] : there([manifest]);
  const isEmptied = errors.length + calls.length + described.length === keys.length - 1;
  // The index goes last, and with it the folder: what it names is not to be taken for lost.
  await storage.removeObjects([...errors, ...calls]);
  if (isEmptied) await storage.remove(folder);
  return {
    ...NOTHING_SWEPT,
    errors: Math.min(1, errors.length),
    calls: Math.min(1, calls.length),
    objects: errors.length + calls.length + (isEmptied ? described.length + 1 : 0),
  };
}

export function sum(left: Swept, right: Swept): Swept {
  return {
    errors: left.errors + right.errors,
    calls: left.calls + right.calls,
    lost: left.lost + right.lost,
    imports: left.imports + right.imports,
    objects: left.objects + right.objects,
  };
}

/** `runs/people/RUN/…` to `runs/people/RUN`. */
const folderOf = (key: string) => key.split('/').slice(0, 3).join('/');

const NAMED = /-(\d{4}-\d{2}-\d{2}T)(\d{2})(\d{2})(\d{2})Z(?:-retry)?=(.*)$/;
/** The time of a UUID of version 7 (RFC 9562): 48 bits of milliseconds. */
const UUID_7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7/;

/**
 * When a run began, in milliseconds since 1970; null where its folder's name does not say. A backfill is named after a
 * moment in the past, but the id of its execution is of its own time.
 */
function startOf(folder: string): number | null {
  const [, date, hours, minutes, seconds, execution = ''] = NAMED.exec(folder) ?? [];
  const [, high, low] = UUID_7.exec(execution) ?? [];
  if (high !== undefined && low !== undefined) return Number.parseInt(`${high}${low}`, 16);
  if (date === undefined || hours === undefined || minutes === undefined || seconds === undefined)
    return null;
  return Date.parse(`${date}${hours}:${minutes}:${seconds}Z`);
}
