import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../dev/postgres.ts';
import { findTemporal, startTemporal } from '../dev/temporal.ts';

/** The real servers that tests share: PostgreSQL and Temporal, started once. */
declare module 'vitest' {
  interface ProvidedContext {
    postgres: { host: string; port: number; user: string; password: string };
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
  const postgres = await startPostgres();
  const { host, port, user, password } = postgres;
  project.provide('postgres', { host, port, user, password });
  project.provide('temporal', { address: temporal.address });
  return async () => {
    await temporal.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
