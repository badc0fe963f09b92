import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../until.ts';

const DEV = join(import.meta.dirname, '..', '..', 'dev');

/** Starts a server that would go on for ten minutes, tells its process id, and ends without stopping it. */
const FORGETFUL = `
  import '${join(DEV, 'postgres.ts')}';
  import { startServer } from '${join(DEV, 'process.ts')}';
  const { child } = startServer({ command: 'sleep', args: ['600'], logFile: '/dev/null' });
  child.on('spawn', () => { process.stdout.write(String(child.pid)); process.exit(0); });
`;

test('a server ends with the process that started it, in whatever order its code was loaded', async () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', FORGETFUL], {
    encoding: 'utf8',
  });
  expect(stdout, stderr).toMatch(/^\d+$/);
  await until(() => !isAlive(Number(stdout)));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
