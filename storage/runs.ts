import type { Storage } from './storage.ts';

/** Removes everything below a run's folder but the objects named. */
export async function keepOnly(storage: Storage, folder: string, keys: readonly string[]): Promise<void> {
  const kept = new Set(keys);
  for (const key of await storage.list(folder)) {
    if (!kept.has(key)) await storage.remove(key);
  }
}
