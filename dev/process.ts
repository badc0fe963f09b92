import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

export interface ServerProcess {
  readonly child: ChildProcess;
  /** Asks it to end, and insists after a while; resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where its output goes. */
  readonly logFile: string;
}

const INSIST_AFTER_MS = 15_000;
const running = new Set<ChildProcess>();

/** Starts a process that ends with this one, however this one ends by itself. */
export function startServer({ command, args, env, logFile }: ServerCommand): ServerProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, { stdio: ['pipe', log, log], env: env ?? process.env, detached: true });
  closeSync(log);
  child.on('error', () => running.delete(child));
  running.add(child);
  child.on('exit', () => running.delete(child));
  return { child, stop: (signal = 'SIGTERM') => stop(child, signal) };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const insist = setTimeout(() => child.kill('SIGKILL'), INSIST_AFTER_MS);
  await ended;
  clearTimeout(insist);
}

// The last resort: whatever was not stopped in order is killed with this process.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
