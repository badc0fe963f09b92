import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../until.ts';

/* What a person at a terminal is asked before something is deleted or reset; `script` is the terminal. */

const COMMAND = `"${process.execPath}" "${join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs')}"`;

/** Runs a command at a terminal, with its stdout in a pipe, and types once it asks; what it asked and said, and its exit code. */
async function typing(keys: string, command: string): Promise<{ said: string; code: number | null }> {
  const env = { ...process.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
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

test.each([
  ['n', 'n\r'],
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
])('%s at the question changes nothing, and the exit code says so', async (_what, keys) => {
  const { said, code } = await typing(keys, 'sync delete people');
  expect(said).toContain('Delete the sync people, its last_sync_time and its imports? [y/N]');
  expect(said).toMatch(/\nNothing was changed\.\r?\n$/);
  expect(code).toBe(1);
});

test('yes goes on, though the answer is read by another program', async () => {
  const { said, code } = await typing('y\r', 'sync reset people --json');
  expect(said).toContain('The next run of people will send everything, under new messageIds. Go on? [y/N]');
  expect(said).toContain('The Temporal server at 127.0.0.1:1 cannot be reached');
  expect(code).toBe(1);
});
