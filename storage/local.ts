import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ulid } from 'ulid';
import { z } from 'zod';
import { messageOf, RowcastError } from '../errors.ts';
import type { Storage, StorageIdentity } from './storage.ts';

/** Files and folders are for their owner only: they hold people's data. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Where files are written before they get their name; on the same file system, so that a link is possible. */
const TEMPORARY = '.temporary';
const IDENTITY_FILE = 'storage.json';

/** Temporary files older than this are left over from a process that died. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

const IdentityFile = z.object({ version: z.literal(1), id: z.string().min(1) });

const KEY = /^[A-Za-z0-9._=-]+(?:\/[A-Za-z0-9._=-]+)*$/;

/**
 * Opens a folder as a storage, creating it where it is missing.
 *
 * Its identity is kept in the folder, so that it stays the same storage wherever it is mounted. A folder that
 * vanishes later, or is replaced by another storage, is noticed and never silently created again.
 *
 * @throws RowcastError storage_unreachable, storage_full, storage_corrupt.
 */
export async function openLocalStorage(folder: string): Promise<Storage> {
  try {
    await mkdir(join(folder, TEMPORARY), { recursive: true, mode: FOLDER_MODE });
    await access(folder, constants.R_OK | constants.W_OK);
    const identity = await establishIdentity(folder);
    await removeAbandoned(join(folder, TEMPORARY));
    return new LocalStorage(folder, identity);
  } catch (error) {
    throw explain(error, folder);
  }
}

/** The identity of the storage in a folder, or null where there is none; nothing is created. */
export async function readLocalIdentity(folder: string): Promise<StorageIdentity | null> {
  let text: string;
  try {
    text = await readFile(join(folder, IDENTITY_FILE), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw explain(error, folder);
  }
  try {
    return { id: IdentityFile.parse(JSON.parse(text)).id, location: folder };
  } catch {
    throw new RowcastError(
      'storage_corrupt',
      `The file ${join(folder, IDENTITY_FILE)} is not what Rowcast wrote there; restore it, or set ROWCAST_STORAGE to another folder.`,
    );
  }
}

/** Two processes that open a new folder at once agree on the identity that was written first. */
async function establishIdentity(folder: string): Promise<StorageIdentity> {
  const found = await readLocalIdentity(folder);
  if (found !== null) return found;
  const body = Buffer.from(`${JSON.stringify({ version: 1, id: ulid() })}\n`);
  await createFile(folder, join(folder, IDENTITY_FILE), body).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  const written = await readLocalIdentity(folder);
  if (written === null) throw new Error(`${IDENTITY_FILE} vanished`);
  return written;
}

/** Writes a whole file under another name first, so that nobody sees half of it; refuses a name that exists. */
async function createFile(folder: string, path: string, body: Uint8Array): Promise<void> {
  const temporary = join(folder, TEMPORARY, randomUUID());
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(body);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Somebody else may remove an empty folder just before the file is put there: then it is made again. */
async function withFolder(path: string, create: () => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  try {
    await create();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    await create();
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const age = Date.now() - (await lstat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

class LocalStorage implements Storage {
  readonly identity: StorageIdentity;
  readonly #folder: string;

  constructor(folder: string, identity: StorageIdentity) {
    this.#folder = folder;
    this.identity = identity;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const path = this.#path(key);
    await this.#guarded(async () => {
      // Folders below are created, the storage itself is not: it may have been unmounted.
      await stat(join(this.#folder, TEMPORARY));
      await withFolder(path, () => createFile(this.#folder, path, body));
    });
  }

  async get(key: string): Promise<Buffer | null> {
    const path = this.#path(key);
    try {
      return await readFile(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw explain(error, this.#folder);
      await this.#mustBeThere();
      return null;
    }
  }

  async list(folder: string): Promise<string[]> {
    const start = this.#path(folder);
    try {
      const found = await readdir(start, { recursive: true, withFileTypes: true });
      const files = found.filter((entry) => entry.isFile());
      return files.map((entry) => join(entry.parentPath, entry.name).slice(this.#folder.length + 1)).sort();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw explain(error, this.#folder);
      await this.#mustBeThere();
      return [];
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    await this.#guarded(async () => {
      await rm(path, { recursive: true, force: true });
      await this.#removeEmpty(dirname(path));
    });
  }

  async scratch() {
    const path = await this.#guarded(() => mkdtemp(join(this.#folder, TEMPORARY, 'scratch-')));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  }

  #path(key: string): string {
    if (!KEY.test(key) || key.split('/').some((segment) => segment === '.' || segment === '..')) {
      throw new Error(`not a storage key: ${JSON.stringify(key)}`);
    }
    return join(this.#folder, key);
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

  async #guarded<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await task();
    } catch (error) {
      await this.#mustBeThere();
      throw explain(error, this.#folder);
    }
  }

  /** @throws RowcastError where the folder is gone, or is another storage by now. */
  async #mustBeThere(): Promise<void> {
    const found = await readLocalIdentity(this.#folder);
    if (found?.id === this.identity.id) return;
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

/** What an error of the file system means for whoever runs the worker. */
function explain(error: unknown, folder: string): unknown {
  if (error instanceof RowcastError) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const cause = { cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RowcastError(
      'storage_full',
      `The storage folder ${folder} is full (${code}); free some space, and the work goes on.`,
      cause,
    );
  }
  if (code === 'EEXIST') {
    return new RowcastError(
      'storage_corrupt',
      `A file in ${folder} exists already and is never overwritten: ${messageOf(error)}`,
      cause,
    );
  }
  return new RowcastError(
    'storage_unreachable',
    `The storage folder ${folder} cannot be used (${messageOf(error)}); make it readable and writable for the worker's user, or set ROWCAST_STORAGE to another folder.`,
    cause,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
