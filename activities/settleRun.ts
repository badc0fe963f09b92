import { keepOnly, removeLost } from '../storage/runs.ts';
import type { Storage } from '../storage/storage.ts';
import type { RunFiles } from '../workflows/contract.ts';
import type { SettleRunInput } from './types.ts';

const INDEX = 'import.json';

/**
 * Writes the index of a run's errors and calls, and removes everything else that the run left in storage, and what
 * runs before it left that were lost.
 */
export async function settleRun(
  storage: Storage,
  { folder, errorFiles, callFiles }: SettleRunInput,
): Promise<void> {
  await removeLost(storage, folder, INDEX);
  const keys = [...errorFiles, ...callFiles];
  if (keys.length === 0) {
    await storage.remove(folder);
    return;
  }
  const index = `${folder}/${INDEX}`;
  const files: RunFiles = { version: 1, errorFiles, callFiles };
  if ((await storage.get(index)) === null) await storage.put(index, Buffer.from(JSON.stringify(files)));
  await keepOnly(storage, folder, [index, ...keys]);
}
