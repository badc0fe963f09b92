import { keepOnly, removeLost } from '../storage/runs.ts';
import type { RunFiles } from '../workflows/contract.ts';
import type { Storage } from '../storage/storage.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';
import type { SettleRunInput } from './types.ts';

const INDEX = 'import.json';

/**
 * Removes everything that a run left in storage but its errors and calls, and writes their index; removes what runs
 * before it left that were lost.
 */
export async function settleRun(
  { storage, settings }: Pick<ActivityDeps, 'storage' | 'settings'>,
  { folder, errorFiles, callFiles }: SettleRunInput,
): Promise<void> {
  // It takes its time where there are many files; a worker that dies meanwhile is to be noticed soon.
  const heart = heartbeating(() => null, settings);
  try {
    await removeLost(storage, folder, INDEX);
    await keepRecords(storage, { folder, errorFiles, callFiles });
  } finally {
    heart[Symbol.dispose]();
  }
}

async function keepRecords(
  storage: Storage,
  { folder, errorFiles, callFiles }: SettleRunInput,
): Promise<void> {
  const keys = [...errorFiles, ...callFiles];
  if (keys.length === 0) {
    await storage.remove(folder);
    return;
  }
  const index = `${folder}/${INDEX}`;
  await keepOnly(storage, folder, [index, ...keys]);
  // The index comes last: a folder that has one holds nothing else any more.
  const files: RunFiles = { version: 1, errorFiles, callFiles };
  if ((await storage.get(index)) === null) await storage.put(index, Buffer.from(JSON.stringify(files)));
}
