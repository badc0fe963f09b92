import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { RowcastError } from '../errors.ts';
import { IDENTITY_KEY, idIn, newIdentityFile } from './identity.ts';
import { isKey, mustBeKey, notAKey } from './keys.ts';
import { codeOf, explain } from './localFailures.ts';
import type { Place } from './localFailures.ts';
import {
  createFile,
  filesBelow,
  makeFolder,
  orWhereMissing,
  readFileFrom,
  removeAbandoned,
  removeFiles,
  stampOf,
} from './localFiles.ts';
import { ABANDONED_AFTER_MS, LocalScratch } from './localScratch.ts';
import type { Scratch, Storage, StorageIdentity } from './storage.ts';

/** Where files are written before they get their name; on the same file system, so that a link is possible. */
const TEMPORARY = '.temporary';

/** How NFS names a file that was removed while somebody has it open; it stands in its folder until then. */
const NAMELESS = '.nfs';

/**
 * Opens a folder as a storage, creating it where it is missing.
 *
 * Its identity is kept in the folder, so that it stays the same storage wherever it is mounted. A folder that
 * vanishes later, or is replaced by another storage, is noticed and never silently created again.
 *
 * @throws RowcastError storage_unreachable, storage_full, storage_corrupt.
 */
export async function openLocalStorage(path: string): Promise<Storage> {
  const folder = resolve(path);
  try {
    await makeFolder(join(folder, TEMPORARY));
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const identity = await establishIdentity(folder);
    await removeAbandoned(join(folder, TEMPORARY), ABANDONED_AFTER_MS);
    return new LocalStorage(folder, identity);
  } catch (error) {
    throw explain(error, placeOf(folder));
  }
}

/** The storage that is in a folder, or null where there is none; nothing is created. @throws RowcastError */
export async function findLocalStorage(path: string): Promise<Storage | null> {
  const identity = await readLocalIdentity(path);
  return identity && new LocalStorage(identity.location, identity);
}

const placeOf = (path: string): Place => ({ name: 'storage folder', path, variable: 'ROWCAST_STORAGE' });

/** The identity of the storage in a folder, or null where there is none; nothing is created. @throws RowcastError */
export async function readLocalIdentity(path: string): Promise<StorageIdentity | null> {
  const folder = resolve(path);
  const file = join(folder, IDENTITY_KEY);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw explain(error, placeOf(folder));
  }
  try {
    return { id: idIn(text), location: folder };
  } catch (error) {
    throw new RowcastError(
      'storage_corrupt',
      `The file ${file} is not what this version of Rowcast writes there; restore it, or set ROWCAST_STORAGE to another folder.`,
      { cause: error },
    );
  }
}

/** Two processes that open a new folder at once agree on the identity that was written first. */
async function establishIdentity(folder: string): Promise<StorageIdentity> {
  const found = await readLocalIdentity(folder);
  if (found !== null) return found;
  const file = join(folder, IDENTITY_KEY);
  await createFile(join(folder, TEMPORARY), file, newIdentityFile()).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  const written = await readLocalIdentity(folder);
  if (written === null) throw new Error(`${file} vanished`);
  return written;
}

class LocalStorage implements Storage {
  readonly identity: StorageIdentity;
  readonly #folder: string;
  readonly #temporary: string;
  /** The stamp of the identity's file when it was last read and right. */
  #stamp: string | null = null;
  /** Over once what was removed is freed. */
  #freed: Promise<void> = Promise.resolve();

  constructor(folder: string, identity: StorageIdentity) {
    this.#folder = folder;
    this.#temporary = join(folder, TEMPORARY);
    this.identity = identity;
  }

  async put(key: string, body: Uint8Array, wasRead?: () => void): Promise<void> {
    const path = this.#path(key);
    await this.#guarded(async () => {
      try {
        await createFile(this.#temporary, path, body, wasRead);
      } catch (error) {
        throw codeOf(error) === 'EEXIST' ? this.#taken(key, error) : error;
      }
    });
  }

  async get(key: string, from = 0, memory?: Buffer): Promise<Buffer | null> {
    const path = this.#path(key);
    const read = () => orWhereMissing(readFileFrom(path, from, memory), null);
    // For what was found a look afterwards will do. What is missing may be so only because the folder was away.
    return (await this.#checkedAfter(read)) ?? (await this.#guarded(read));
  }

  async list(folder: string): Promise<string[]> {
    const path = this.#path(folder);
    const files = await this.#guarded(() => filesBelow(path));
    // What has no key for a name was put there by somebody else.
    return files
      .map((file) => relative(this.#folder, file))
      .filter((key) => isKey(key) && !basename(key).startsWith(NAMELESS))
      .sort();
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    await this.#freed;
    await this.#guarded(async () => {
      await orWhereMissing(rm(path, { recursive: true, force: true }), undefined);
      await this.#removeEmpty(dirname(path));
    });
  }

  async removeObjects(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#path(key));
    await this.#guarded(async () => {
      const folders = new Set(paths.map(dirname));
      const { freed } = await removeFiles(paths);
      await this.#removeAllEmpty(folders);
      const cleared = freed.then(() => this.#removeAllEmpty(folders));
      const before = this.#freed;
      this.#freed = cleared.then(() => before);
    });
  }

  async scratch(): Promise<Scratch> {
    const path = await this.#guarded(async () => {
      await makeFolder(this.#temporary);
      return await mkdtemp(join(this.#temporary, 'scratch-'));
    });
    return new LocalScratch(path, placeOf(this.#folder));
  }

  #path(key: string): string {
    mustBeKey(key);
    if (key.split('/')[0] === TEMPORARY) throw notAKey(key);
    return join(this.#folder, key);
  }

  #taken(key: string, cause: unknown): RowcastError {
    return new RowcastError(
      'storage_corrupt',
      `The file ${key} in the storage folder ${this.#folder} exists already and is never overwritten; make sure that nothing but Rowcast writes there, and try again.`,
      { cause },
    );
  }

  async #removeAllEmpty(folders: Iterable<string>): Promise<void> {
    for (const folder of folders) await this.#removeEmpty(folder);
  }

  /** Folders exist only as parts of keys: one without files goes with its last file. */
  async #removeEmpty(path: string): Promise<void> {
    if (!path.startsWith(`${this.#folder}/`)) return;
    const isEmpty = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (isEmpty) await this.#removeEmpty(dirname(path));
  }

  /** What a task answers counts only where this storage is in its folder before and after. */
  async #guarded<Result>(task: () => Promise<Result>): Promise<Result> {
    await this.#mustBeThere();
    return await this.#checkedAfter(task);
  }

  /** For what a task answers only where the storage is there before. */
  async #checkedAfter<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await task();
    } catch (error) {
      throw explain(error, placeOf(this.#folder));
    } finally {
      await this.#mustBeThere();
    }
  }

  /** @throws RowcastError where the folder is gone, or is another storage by now. */
  async #mustBeThere(): Promise<void> {
    // Whatever is wrong with it, reading it says so in words.
    const stamp = await stampOf(join(this.#folder, IDENTITY_KEY)).catch(() => null);
    if (stamp !== null && stamp === this.#stamp) return;
    const found = await readLocalIdentity(this.#folder);
    if (found?.id === this.identity.id) {
      this.#stamp = stamp;
      return;
    }
    if (found === null) {
      throw new RowcastError(
        'storage_unreachable',
        `The storage folder ${this.#folder} (${this.identity.id}) is gone; mount or restore it, and the work goes on.`,
      );
    }
    throw new RowcastError(
      'storage_mismatch',
      `The folder ${this.#folder} was the storage ${this.identity.id}, but is ${found.id} now; bring back the former, or restart the worker.`,
    );
  }
}
