import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { Dirent } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rm, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './localFailures.ts';

/** Files and folders are for their owner only: they hold people's data. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Somebody else may remove an empty folder just before a file is put there, as often as that. */
const TRIES_MAX = 10;

/** How a file system says that it has no file of that name. A symbolic link is none, and is never followed. */
const NOT_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP']);

/** How a system says that folders cannot be synced, or that this one has been removed again. */
const NOT_SYNCED: ReadonlySet<string | undefined> = new Set([
  'EINVAL',
  'ENOTSUP',
  'EISDIR',
  'EPERM',
  'ENOENT',
]);

/** What a task answers, or something else where there is no such file or folder. */
export async function orWhereMissing<Result, Other>(
  task: Promise<Result>,
  other: Other,
): Promise<Result | Other> {
  try {
    return await task;
  } catch (error) {
    if (NOT_THERE.has(codeOf(error))) return other;
    throw error;
  }
}

/** The bytes of a file from a position on, in memory of the caller's where it has room. A symbolic link is not followed. */
export async function readFileFrom(path: string, from: number, memory?: Buffer): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const stats = await file.stat();
  // Reading a folder would say so too, but not where nothing of it is wanted.
  if (stats.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
  const size = Math.max(0, stats.size - from);
  const bytes =
    memory !== undefined && memory.length >= size ? memory.subarray(0, size) : Buffer.allocUnsafeSlow(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await file.read(bytes, at, size - at, from + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

/** What tells a file from any other that is ever at its path, and from itself once it was written to. */
export async function stampOf(path: string): Promise<string> {
  const { dev, ino, size, ctimeNs } = await lstat(path, { bigint: true });
  return `${dev} ${ino} ${size} ${ctimeNs}`;
}

/** Makes a folder and what is missing above it, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/**
 * Creates a file, durably. It is written whole under another name first, so that nobody ever sees half of it.
 *
 * @param temporary the folder for that, on the same file system.
 * @param wasWritten called once the body is no longer needed; the file is not durable yet.
 * @throws EEXIST where the name is taken.
 */
export async function createFile(
  temporary: string,
  path: string,
  body: Uint8Array,
  wasWritten?: () => void,
): Promise<void> {
  const unnamed = join(temporary, randomUUID());
  try {
    await inFolder(temporary, () => writeWhole(unnamed, body, wasWritten));
    await inFolder(dirname(path), () => link(unnamed, path));
  } finally {
    await orWhereMissing(unlink(unnamed), undefined);
  }
  await syncFolder(dirname(path));
}

/** Does something for which a folder is needed, which is made where it is missing: that is rare, and looking costs more. */
async function inFolder(folder: string, task: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await task();
      return;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries === TRIES_MAX) throw error;
    }
    await makeFolder(folder);
  }
}

async function writeWhole(path: string, body: Uint8Array, wasWritten?: () => void): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  // Not `using`: where both fail, what closing failed with would hide what writing did.
  try {
    // As a whole: `writeFile` writes half a megabyte at a time, and each write waits for its turn in a busy process.
    for (let at = 0; at < body.length;) at += (await file.write(body, at)).bytesWritten;
    wasWritten?.();
    await file.sync();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  await file.close();
}

/** Makes the names in a folder durable: syncing a file covers its content only. */
async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path, 'r');
    await folder.sync();
  } catch (error) {
    if (!NOT_SYNCED.has(codeOf(error))) throw error;
  }
}

/** The paths of all regular files below a folder; what is removed meanwhile may be left out. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await orWhereMissing(readdir(folder, { withFileTypes: true }), [] as Dirent[]);
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

/** So many files that have lost their names are open at once, for each who removes some. */
const NAMELESS_MAX = 256;

/**
 * Removes files; what is not there is fine. Once it resolves, their names are gone. To free what they hold takes a disk
 * twenty times as long: that waits until they are closed, a moment later, or with the process.
 *
 * @returns what resolves then.
 */
export async function removeFiles(paths: readonly string[]): Promise<{ freed: Promise<void> }> {
  const nameless: FileHandle[] = [];
  try {
    for (const path of paths) {
      const file = await open(path, READ_WHATEVER_IT_IS).catch(() => null);
      if (file !== null) nameless.push(file);
      await orWhereMissing(unlink(path), undefined);
      if (nameless.length >= NAMELESS_MAX) await closeAll(nameless.splice(0));
    }
  } catch (error) {
    await closeAll(nameless);
    throw error;
  }
  return { freed: closeAll(nameless) };
}

/** A pipe that nobody writes to is not waited for. */
const READ_WHATEVER_IT_IS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** One after another: what else is asked of the file system meanwhile has no need to wait for all of them. */
async function closeAll(files: readonly FileHandle[]): Promise<void> {
  for (const file of files) await file.close().catch(() => undefined);
}

/** Removes what is in a folder under names that begin so and has not been written to for so many milliseconds. */
export async function removeAbandoned(folder: string, afterMs: number, prefix = ''): Promise<void> {
  const writtenBefore = Date.now() - afterMs;
  for (const name of (await readdir(folder)).filter((found) => found.startsWith(prefix))) {
    const path = join(folder, name);
    const parts = [path, ...(await filesBelow(path))];
    const times = await Promise.all(parts.map((part) => orWhereMissing(lstat(part), null)));
    if (times.every((time) => time === null || time.mtimeMs < writtenBefore)) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
