import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/* Servers that tests need and Debian has. */

const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin'];

export function findProgram(program: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * Installs Debian's package of a program that is missing, where one may, which is as root on Debian.
 *
 * @returns why it could not; null where it could, or need not.
 */
export function installUnlessThere(program: string, debianPackage: string): string | null {
  if (findProgram(program) !== undefined) return null;
  if (process.getuid?.() !== 0) return `${program} is not installed, and only root can install it`;
  if (!existsSync('/etc/debian_version')) return `${program} is not installed, and this is not Debian`;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => spawnSync('apt-get', args, { env, stdio: 'ignore' }).status === 0;
  const add = () => apt('install', '-y', '-q', '--no-install-recommends', debianPackage);
  if (add() || (apt('update', '-q') && add())) return null;
  return `${program} is not installed, and apt-get install ${debianPackage} failed`;
}
