import { keepMs } from '../definitions/keepMs.ts';
import { copiedNames, latestCopy } from '../storage/copies.ts';
import { importSegments, importsFolder } from '../storage/importSegments.ts';
import { NOTHING_SWEPT, sum, sweepSync } from '../storage/sweep.ts';
import type { Swept } from '../storage/sweep.ts';
import type { Storage } from '../storage/storage.ts';
import { runFolder, runsFolder } from '../workflows/contract.ts';
import { isTombstone } from '../workflows/messages.ts';
import type { SyncState, Tombstone } from '../workflows/messages.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';

/**
 * Removes from a storage what its syncs are not to keep any longer, and what lost runs and deletions that broke off
 * left. What is to be kept, and which run is under way, is in the copies of their states: a run is granted its lease
 * only once its copy says so. What has no copy there is nobody's to judge, and stays.
 */
export async function sweepStorage({
  storage,
  settings,
}: Pick<ActivityDeps, 'storage' | 'settings'>): Promise<Swept> {
  let swept = NOTHING_SWEPT;
  const heart = heartbeating(() => swept, settings);
  try {
    for (const name of await copiedNames(storage, 'sync'))
      swept = sum(swept, await sweepNamed(storage, name));
    return swept;
  } finally {
    heart[Symbol.dispose]();
  }
}

async function sweepNamed(storage: Storage, name: string): Promise<Swept> {
  const copy = await latestCopy(storage, 'sync', name);
  if (copy === null) return NOTHING_SWEPT;
  const nowMs = Date.now();
  if (isTombstone(copy.state)) return sweepDeleted(storage, name, copy.state, nowMs);
  return sweepLiving(storage, copy.state as SyncState, nowMs);
}

function sweepLiving(storage: Storage, { definition, lease }: SyncState, nowMs: number): Promise<Swept> {
  const { name, keep } = definition;
  return sweepSync(
    storage,
    {
      sync: name,
      importsMs: keepMs(keep, 'imports'),
      errorsMs: keepMs(keep, 'errors'),
      callsMs: keepMs(keep, 'calls'),
      running: lease === null ? null : runFolder(name, lease.record.run),
    },
    nowMs,
  );
}

/** A run that a deletion did not wait for may still be at work for a day. */
const BURIED_FOR_MS = 2 * 86_400_000;

async function sweepDeleted(
  storage: Storage,
  name: string,
  { deletedAt }: Tombstone,
  nowMs: number,
): Promise<Swept> {
  if (nowMs - Date.parse(deletedAt) < BURIED_FOR_MS) return NOTHING_SWEPT;
  const files = await storage.list(runsFolder(name));
  const segments = await importSegments(storage, name);
  if (files.length > 0) await storage.remove(runsFolder(name));
  if (segments.length > 0) await storage.remove(importsFolder(name));
  const objects = files.length + segments.length;
  return { ...NOTHING_SWEPT, imports: segments.length, objects };
}
