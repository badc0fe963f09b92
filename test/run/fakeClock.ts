import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The environment in which a process started has its clock off by FAKETIME; null where there is no libfaketime and
 * none can be had. Debian's package is unpacked into the project's own folder: nothing is installed.
 */
export function fakeClock(): NodeJS.ProcessEnv | null {
  const folder = join(import.meta.dirname, '..', '..', '.rowcast', 'faketime');
  const library = () =>
    [
      ...globSync(join(folder, 'usr/lib/*/faketime/libfaketimeMT.so.1')),
      ...globSync('/usr/lib/*/faketime/libfaketimeMT.so.1'),
    ][0];
  if (library() === undefined) {
    mkdirSync(folder, { recursive: true });
    try {
      const options = { cwd: folder, stdio: 'ignore' } as const;
      execFileSync('apt-get', ['download', 'libfaketime'], options);
      for (const archive of globSync(join(folder, 'libfaketime*.deb'))) {
        execFileSync('dpkg', ['-x', archive, folder], options);
      }
    } catch {
      return null;
    }
  }
  const found = library();
  if (found === undefined || !existsSync(found)) return null;
  return { LD_PRELOAD: found, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1' };
}
