import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

const script = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** Says, each time the process begins, which one it is and what it finds. */
const SAY = script(
  'const { pid, env } = process; console.log(pid, env.MALLOC_ARENA_MAX, env.MALLOC_MMAP_THRESHOLD_, env.MARK);',
);

interface Start {
  readonly env?: NodeJS.ProcessEnv;
  readonly execArgv?: readonly string[];
}

/** Starts a worker that soon finds that it cannot run, and answers what it said until then. */
function startWorker({ env = {}, execArgv = [] }: Start = {}) {
  const args = ['--import', SAY, ...execArgv, 'cli/rowcast.mjs', 'worker'];
  const { pid, status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      ...{ MALLOC_ARENA_MAX: undefined, MALLOC_MMAP_THRESHOLD_: undefined, ROWCAST_ALLOCATOR: undefined },
      ...{ ROWCAST_LANES: 'none', MARK: 'kept' },
      ...env,
    },
    encoding: 'utf8',
    timeout: 30_000,
  });
  const said = stdout.trim().split('\n');
  return { status, stderr, said: said.map((line) => line.replace(`${pid} `, '')) };
}

const ONCE = ['undefined undefined kept'];

describe.runIf(process.platform === 'linux')('`rowcast worker` on Linux', () => {
  test('begins once more as the same process, with glibc told to give memory back', () => {
    const { status, stderr, said } = startWorker();
    expect(said).toEqual([...ONCE, '1 131072 kept']);
    // The second time as the first, it is the worker of these arguments.
    expect(status).toBe(1);
    expect(stderr).toMatch(/^The environment variable ROWCAST_LANES is "none".*\n$/);
  });

  test('whose user told glibc something else leaves it at that', () => {
    expect(startWorker({ env: { MALLOC_ARENA_MAX: '4' } }).said).toEqual(['4 undefined kept']);
  });

  test('whose environment loses the settings, as that of a privileged process does, begins no third time', () => {
    const lose = script(
      'for (const name of Object.keys(process.env)) if (/^MALLOC_/.test(name)) delete process.env[name]',
    );
    const { status, said } = startWorker({ execArgv: ['--import', lose] });
    expect(said).toEqual([...ONCE, '1 131072 kept']);
    expect(status).toBe(1);
  });

  test('that was handed a file by its number keeps it open', () => {
    expect(startWorker({ env: { ROWCAST_IDENTITY: '/dev/fd/9' } }).said).toEqual(ONCE);
  });

  test('that may not start processes does not try to begin again', () => {
    const { said, stderr } = startWorker({
      execArgv: ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'],
    });
    expect(said).toEqual(ONCE);
    expect(stderr).not.toContain('ERR_ACCESS_DENIED');
  });
});
