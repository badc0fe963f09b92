import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../dev/postgres.ts';
import { startMariadb } from './mariadb.ts';
import type { MysqlServer } from './mariadb.ts';
import { findTemporal, startTemporal } from '../dev/temporal.ts';
import { findSshd } from './sshd.ts';

/** The real servers that tests share: PostgreSQL, MariaDB and Temporal, started once. */
declare module 'vitest' {
  interface ProvidedContext {
    postgres: { host: string; port: number; user: string; password: string };
    /** Or why there is none. */
    mariadb: MysqlServer | string;
    /** OpenSSH's server, which a test starts by itself; or why there is none. */
    sshd: { path: string } | string;
    temporal: { address: string };
  }
}

export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-test-'));
  const found = await findTemporal();
  const temporal =
    found.kind === 'cluster'
      ? { address: found.address, stop: () => Promise.resolve() }
      : await startTemporal({ path: found.path, logFile: join(folder, 'temporal.log'), ui: false });
  const [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
  if (typeof mariadb === 'string') process.stderr.write(`Tests that need MariaDB are skipped: ${mariadb}\n`);
  const sshd = findSshd();
  if (typeof sshd === 'string') process.stderr.write(`Tests that need OpenSSH are skipped: ${sshd}\n`);
  project.provide('sshd', sshd);
  project.provide('postgres', accessOf(postgres));
  project.provide('mariadb', typeof mariadb === 'string' ? mariadb : accessOf(mariadb));
  project.provide('temporal', { address: temporal.address });
  return async () => {
    await temporal.stop();
    await postgres.stop();
    if (typeof mariadb !== 'string') await mariadb.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

function accessOf({ host, port, user, password }: MysqlServer): MysqlServer {
  return { host, port, user, password };
}
