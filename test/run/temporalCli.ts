import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findTemporal } from '../../dev/temporal.ts';
import type { SyncListing } from '../../client/index.ts';
import { runRowcast } from '../cli/command.ts';
import type { Engine } from './engine.ts';

/** Runs the `temporal` command against the engine's server; answers what it said. @throws Error where it fails. */
export async function temporal(engine: Engine, ...args: readonly string[]): Promise<string> {
  const found = await findTemporal();
  const path = found.kind === 'cluster' ? 'temporal' : found.path;
  const address = engine.env['TEMPORAL_ADDRESS'] ?? '';
  const { stdout } = await promisify(execFile)(path, [...args, '--address', address]);
  return stdout;
}

/** The line of a sync in `rowcast sync list`, its gaps as single bars; empty where it is not listed. */
export async function listed(engine: Engine, name: string): Promise<string> {
  const { stdout } = await runRowcast(engine.env, 'sync', 'list');
  const line = stdout.split('\n').find((candidate) => candidate.startsWith(`${name} `)) ?? '';
  return line.trim().replace(/ {2,}/g, ' | ');
}

/** What `rowcast sync list --json` says of a sync. */
export async function listing(engine: Engine, name: string): Promise<SyncListing | undefined> {
  const { stdout } = await runRowcast(engine.env, 'sync', 'list', '--json');
  return (JSON.parse(stdout) as SyncListing[]).find((candidate) => candidate.name === name);
}
