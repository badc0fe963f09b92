import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { RowcastError } from '../errors.ts';
import { findLocalStorage, openLocalStorage } from './local.ts';
import { isS3Location } from './s3Location.ts';
import type { Storage } from './storage.ts';

/** Where the storage is: `ROWCAST_STORAGE`, else a folder `rowcast` under the user's data folder. */
export function storageLocation(env: NodeJS.ProcessEnv, platform = process.platform): string {
  const given = env['ROWCAST_STORAGE'];
  return given === undefined || given === '' ? join(dataFolder(env, platform), 'rowcast') : given;
}

function dataFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  if (platform === 'win32') return env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  // Anything but an absolute path is to be ignored (XDG Base Directory Specification).
  const given = env['XDG_DATA_HOME'];
  return given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'share');
}

/** Opens the storage at a location for a worker, and makes it one where it is new. @throws RowcastError */
export async function openStorage(location: string): Promise<Storage> {
  if (isS3Location(location)) return (await import('./s3.ts')).openS3Storage(location);
  return openLocalStorage(localFolder(location));
}

/** The storage at a location, or null where there is none; nothing is created. @throws RowcastError */
export async function findStorage(location: string): Promise<Storage | null> {
  if (isS3Location(location)) return (await import('./s3.ts')).findS3Storage(location);
  return findLocalStorage(localFolder(location));
}

function localFolder(location: string): string {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) return location;
  throw new RowcastError(
    'definition_invalid',
    'ROWCAST_STORAGE is neither a folder nor S3; give a path such as "/var/lib/rowcast", or s3://BUCKET/PREFIX.',
  );
}
