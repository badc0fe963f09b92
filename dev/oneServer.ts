import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RowcastError } from '../errors.ts';
import type { TemporalServer } from './temporal.ts';

/*
 * Two Temporal servers on one database file spoil it, so a folder remembers its server. It is the server's process
 * that counts: it goes on where its `rowcast dev` was killed.
 */

const fileIn = (folder: string) => join(folder, 'temporal.pid');

/** @throws RowcastError in_use where the folder's server is still running. */
export function refuseSecond(folder: string): void {
  const pid = Number(readIfThere(fileIn(folder)));
  if (!Number.isInteger(pid) || pid < 1 || !isRunning(pid)) return;
  throw new RowcastError(
    'in_use',
    `The Temporal server of ${folder} is running already, as process ${pid}; stop the \`rowcast dev\` that started it, or that process where nothing else is left of it, or start in another folder.`,
  );
}

/** Remembers the server that was started for a folder. */
export function claimServer(folder: string, { pid }: TemporalServer): void {
  writeFileSync(fileIn(folder), `${pid}\n`, { mode: 0o600 });
}

/** Forgets the server, which has ended. */
export function releaseServer(folder: string): void {
  rmSync(fileIn(folder), { force: true });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
