import { INDEX } from '../storage/runFiles.ts';
import type { RunFiles } from '../storage/runFiles.ts';
import { keepOnly, removeLost } from '../storage/runs.ts';
import type { Storage } from '../storage/storage.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeating } from './heartbeat.ts';
import type { SettleRunInput } from './types.ts';

/**
 * Removes everything that a run left in storage but its errors and calls, and writes their index; removes what runs
 * before it left that were lost.
 */
export async function settleRun(
  { storage, settings }: Pick<ActivityDeps, 'storage' | 'settings'>,
  input: SettleRunInput,
): Promise<void> {
  const { folder } = input;
  // It takes its time where there are many files; a worker that dies meanwhile is to be noticed soon.
  const heart = heartbeating(() => null, settings);
  try {
    await removeLost(storage, folder, INDEX);
    await keepRecords(storage, input);
  } finally {
    heart[Symbol.dispose]();
  }
}

async function keepRecords(storage: Storage, { folder, ...files }: SettleRunInput): Promise<void> {
  const { errorFiles, untriedFiles = [], callFiles, manifest } = files;
  const rows = [...errorFiles, ...untriedFiles, ...callFiles];
  if (rows.length === 0) {
    await storage.remove(folder);
    return;
  }
  const index = `${folder}/${INDEX}`;
  await keepOnly(storage, folder, [index, ...rows, ...(manifest === undefined ? [] : [manifest])]);
  // The index comes last: a folder that has one holds nothing else any more.
  const content: RunFiles = { version: 1, ...files };
  const isThere = async () => (await storage.get(index)) !== null;
  if (await isThere()) return;
  await storage.put(index, Buffer.from(JSON.stringify(content))).catch(async (error: unknown) => {
    // An attempt that was taken for dead may have put it meanwhile.
    if (!(await isThere())) throw error;
  });
}
