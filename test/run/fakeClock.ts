import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The environment in which a process started has its clock off by FAKETIME; null where there is no libfaketime and
 * none can be had. Debian's package is unpacked into the project's own folder: nothing is installed. Whoever else looks for
 * it meanwhile finds it whole or not at all.
 */
export function fakeClock(): NodeJS.ProcessEnv | null {
  const folder = join(import.meta.dirname, '..', '..', '.rowcast', 'faketime');
  const library = () =>
    [
      ...globSync(join(folder, 'usr/lib/*/faketime/libfaketimeMT.so.1')),
      ...globSync('/usr/lib/*/faketime/libfaketimeMT.so.1'),
    ][0];
  if (library() === undefined) {
    mkdirSync(dirname(folder), { recursive: true });
    const unpacked = mkdtempSync(`${folder}-`);
    try {
      const options = { cwd: unpacked, stdio: 'ignore' } as const;
      execFileSync('apt-get', ['download', 'libfaketime'], options);
      for (const archive of globSync(join(unpacked, 'libfaketime*.deb'))) {
        execFileSync('dpkg', ['-x', archive, unpacked], options);
      }
      renameSync(unpacked, folder);
    } catch {
      rmSync(unpacked, { recursive: true, force: true }); // It cannot be had, or somebody else was first.
    }
  }
  const found = library();
  if (found === undefined || !existsSync(found)) return null;
  return { LD_PRELOAD: found, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1' };
}
