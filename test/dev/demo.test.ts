import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

/** The processes that a process has started, and those that they have. */
function descendantsOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([child = 0, of]) => (of === parent ? [child, ...below(child)] : []));
  return below(pid);
}

/** PostgreSQL may run as a user of its own, who has to get in. */
const temporary = mkdtempSync(join(tmpdir(), 'rowcast-demo-test-'));
chmodSync(temporary, 0o755);
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** What the demo makes: its own folder, and PostgreSQL's. */
const folders = () => [
  ...readdirSync(join(ROOT, '.rowcast')).filter((name) => name.startsWith('demo-')),
  ...readdirSync(temporary).filter((name) => name.startsWith('rowcast-')),
];

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

test.runIf(process.platform === 'linux')(
  'after Ctrl-C in the middle of the demo nothing is left running or half-made',
  async () => {
    const before = new Set(folders());
    const env = { ...process.env, TMPDIR: temporary, TEMPORAL_ADDRESS: '' };
    // A terminal sends Ctrl-C to the whole group.
    const demo = spawn(process.execPath, [join(ROOT, 'dev', 'setup.mjs'), 'dev/demo/main.ts'], {
      cwd: ROOT,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(demo, 'exit');
    let output = '';
    demo.stdout.on('data', (text: Buffer) => (output += text.toString()));
    while (!output.includes('First interval') && demo.exitCode === null) await sleep(100);
    const pid = demo.pid ?? 0;
    const started = descendantsOf(pid);
    expect(started.length).toBeGreaterThan(5);
    expect(folders().filter((name) => !before.has(name)).length).toBeGreaterThan(1);

    process.kill(-pid, 'SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(started.filter(isAlive)).toEqual([]);
    expect(folders().filter((name) => !before.has(name))).toEqual([]);
  },
);
