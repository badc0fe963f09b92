import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../dev/postgres.ts';
import { startMariadb } from './mariadb.ts';
import type { MysqlServer } from './mariadb.ts';
import { findTemporal, startTemporal } from '../dev/temporal.ts';
import { findSshd } from './sshd.ts';

/** Servers that only one test file uses at a time: their settings change, and what they list is whatever is there. */
export interface OwnServers {
  readonly temporal: { readonly address: string };
  /** Or why there is none. */
  readonly mariadb: MysqlServer | string;
}

/** The real servers of the tests, started once. */
declare module 'vitest' {
  interface ProvidedContext {
    postgres: MysqlServer;
    /** OpenSSH's server, which a test starts by itself; or why there is none. */
    sshd: { path: string } | string;
    /** One for each file that may run at the same time; `ownServers` picks. */
    ownServers: OwnServers[];
  }
}

export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-test-'));
  const slots = Array.from({ length: project.vitest.config.maxWorkers }, (_, index) => index);
  const [postgres, ...own] = await Promise.all([
    startPostgres(),
    ...slots.map((index) => startOwn(join(folder, `temporal-${index}.log`))),
  ]);
  const missing = own.map(({ servers }) => servers.mariadb).find((mariadb) => typeof mariadb === 'string');
  if (missing !== undefined) process.stderr.write(`Tests that need MariaDB are skipped: ${missing}\n`);
  const sshd = findSshd();
  if (typeof sshd === 'string') process.stderr.write(`Tests that need OpenSSH are skipped: ${sshd}\n`);
  project.provide('sshd', sshd);
  project.provide('postgres', accessOf(postgres));
  project.provide(
    'ownServers',
    own.map(({ servers }) => servers),
  );
  return async () => {
    await Promise.all([postgres.stop(), ...own.map((each) => each.stop())]);
    rmSync(folder, { recursive: true, force: true });
  };
}

async function startOwn(logFile: string): Promise<{ servers: OwnServers; stop(): Promise<void> }> {
  const [temporal, mariadb] = await Promise.all([startOwnTemporal(logFile), startMariadb()]);
  return {
    servers: {
      temporal: { address: temporal.address },
      mariadb: typeof mariadb === 'string' ? mariadb : accessOf(mariadb),
    },
    async stop() {
      await temporal.stop();
      if (typeof mariadb !== 'string') await mariadb.stop();
    },
  };
}

async function startOwnTemporal(logFile: string): Promise<{ address: string; stop(): Promise<void> }> {
  const found = await findTemporal();
  if (found.kind === 'cluster') return { address: found.address, stop: () => Promise.resolve() };
  return startTemporal({ path: found.path, logFile, port: 0, ui: false });
}

function accessOf({ host, port, user, password }: MysqlServer): MysqlServer {
  return { host, port, user, password };
}
