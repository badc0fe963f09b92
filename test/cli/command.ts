import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

const COMMAND = join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs');

/** What a command said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartedCommand {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly ended: Promise<Ended>;
}

/** Starts the command as a user does. */
export function startRowcast(env: NodeJS.ProcessEnv, ...args: readonly string[]): StartedCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdoutSoFar = '';
  child.stdout.on('data', (data: Buffer) => (stdoutSoFar += String(data)));
  const said = Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'exit')]);
  const ended = said.then(([stdout, stderr]) => ({
    code: child.exitCode,
    stdout: String(stdout), // With its byte order mark, if any.
    stderr: String(stderr),
  }));
  return { child, stdout: () => stdoutSoFar, ended };
}

/** Runs the command to its end. */
export function runRowcast(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  return startRowcast(env, ...args).ended;
}
