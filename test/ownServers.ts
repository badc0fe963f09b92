import { inject } from 'vitest';
import type { OwnServers } from './servers.ts';

/** The servers of the test file that runs here, which no other file uses meanwhile. */
export function ownServers(): OwnServers {
  const worker = Number(process.env['VITEST_POOL_ID']); // From 1 to `maxWorkers`.
  const servers = inject('ownServers')[worker - 1];
  if (servers === undefined) throw new Error(`There are no servers for the test worker ${worker}.`);
  return servers;
}
