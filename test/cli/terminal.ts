import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from '../until.ts';

const COMMAND = `"${process.execPath}" "${join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs')}"`;

/**
 * Runs a command at a terminal, which is `script`, with its stdout in a pipe, and types once it asks; what it asked
 * and said, and its exit code.
 */
export async function typing(
  env: NodeJS.ProcessEnv,
  keys: string,
  command: string,
): Promise<{ said: string; code: number | null }> {
  const child = spawn(
    'script',
    ['-qec', `${COMMAND} ${command} | cat >/dev/null; exit \${PIPESTATUS[0]}`, '/dev/null'],
    {
      env: { ...env, SHELL: '/bin/bash' },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += String(data)));
  const ended = once(child, 'exit');
  await until(() => said.includes('[y/N]'));
  child.stdin.write(keys);
  await ended;
  return { said, code: child.exitCode };
}
