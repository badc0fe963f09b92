import type { Storage } from './storage.ts';

/** Removes everything below a run's folder but the objects named. */
export async function keepOnly(storage: Storage, folder: string, keys: readonly string[]): Promise<void> {
  const kept = new Set(keys);
  await storage.removeObjects((await storage.list(folder)).filter((key) => !kept.has(key)));
}

/**
 * Removes what runs of the same sync left that were lost before they could settle: those without an index.
 *
 * To be called by the one run that holds the sync's lease, since nobody else may be writing then.
 *
 * @param folder the folder of that run, which stays; the others lie beside it.
 * @param index the name of the object that a run which settled has in its folder.
 */
export async function removeLost(storage: Storage, folder: string, index: string): Promise<void> {
  const sync = folder.slice(0, folder.lastIndexOf('/'));
  const keys = await storage.list(sync);
  const runOf = (key: string) => key.slice(0, key.indexOf('/', sync.length + 1));
  const settled = new Set(keys.filter((key) => key === `${runOf(key)}/${index}`).map(runOf));
  const lost = new Set(keys.map(runOf).filter((run) => run !== folder && !settled.has(run)));
  for (const run of lost) await storage.remove(run);
}
