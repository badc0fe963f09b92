import type { Storage } from './storage.ts';

/** The name of the object that a run which settled has in its folder: what is kept of it. */
export const INDEX = 'import.json';

/** What is kept of a run that has ended. */
export interface RunFiles {
  readonly version: 1;
  /** Keys of NDJSON files of `FailedRow`. */
  readonly errorFiles: readonly string[];
  /** Of a run that retried another: those of the failed rows that it left alone. */
  readonly untriedFiles?: readonly string[];
  /** Keys of NDJSON files of `DeliveredCall`. */
  readonly callFiles: readonly string[];
  /** How many of these calls count, the first ones of the run, since each lane kept so many. Not in runs before 0.5.0. */
  readonly keepCalls?: number;
  /** Key of the manifest, which says what the columns of its failed rows are. Not in runs before 0.5.0. */
  readonly manifest?: string;
}

const NOTHING: RunFiles = { version: 1, errorFiles: [], callFiles: [] };

/** What is kept of a run; nothing where it did not settle. @param folder the run's. @throws RowcastError */
export async function readRunFiles(storage: Storage, folder: string): Promise<RunFiles> {
  const index = await storage.get(`${folder}/${INDEX}`);
  return index === null ? NOTHING : (JSON.parse(String(index)) as RunFiles);
}
