import { keepOnly } from '../storage/runs.ts';
import type { Storage } from '../storage/storage.ts';
import type { RunFiles } from '../workflows/contract.ts';
import type { SettleRunInput } from './types.ts';

/** Writes the index of a run's errors and calls, and removes everything else that the run left in storage. */
export async function settleRun(
  storage: Storage,
  { folder, errorFiles, callFiles }: SettleRunInput,
): Promise<void> {
  const keys = [...errorFiles, ...callFiles];
  if (keys.length === 0) {
    await storage.remove(folder);
    return;
  }
  const index = `${folder}/import.json`;
  const files: RunFiles = { version: 1, errorFiles, callFiles };
  if ((await storage.get(index)) === null) await storage.put(index, Buffer.from(JSON.stringify(files)));
  await keepOnly(storage, folder, [index, ...keys]);
}
