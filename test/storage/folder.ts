import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import type { TestStorage } from './contract.ts';

/** A folder of a test's own, with room for storages in it. */
export interface TestFolder extends Disposable {
  readonly path: string;
  /** A path in it. */
  at(...parts: string[]): string;
}

export function testFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), 'rowcast-storage-'));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface OpenStorage extends AsyncDisposable {
  readonly storage: Storage;
  /** The names of the temporary files and scratch folders that there are. */
  temporaryFiles(): string[];
}

/** A local storage of a test's own, open. */
export async function testStorage(): Promise<OpenStorage> {
  const created = await createLocal();
  const storage = await created.open();
  return {
    storage,
    temporaryFiles: () => readdirSync(join(storage.identity.location, '.temporary')),
    [Symbol.asyncDispose]: () => created[Symbol.asyncDispose](),
  };
}

export function createLocal(): Promise<TestStorage> {
  const folder = testFolder();
  return Promise.resolve({
    open: () => openLocalStorage(folder.at('storage')),
    [Symbol.asyncDispose]: async () => {
      await rm(folder.path, { recursive: true, force: true });
    },
  });
}
