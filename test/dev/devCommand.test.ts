import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../client/index.ts';
import { until } from '../until.ts';

const COMMAND = join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs');
const folders: string[] = [];
const started = new Set<ChildProcess>();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowcast-dev-'));
  folders.push(folder);
});

afterAll(() => {
  for (const child of started) child.kill('SIGTERM');
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

/** `rowcast dev` in the folder, and what it has said so far. */
function startDev() {
  const env = { ...process.env, TEMPORAL_ADDRESS: '', ROWCAST_STORAGE: join(folder, 'storage') };
  const child = spawn(process.execPath, [COMMAND, 'dev'], { cwd: folder, env });
  started.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close').then(([code]) => {
    started.delete(child);
    return code as number | null;
  });
  return { child, ended, said: () => said };
}

const serverPid = () => Number(readFileSync(join(folder, '.rowcast', 'dev', 'temporal.pid'), 'utf8'));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const addressOf = (said: string) => /Temporal is at (\S+),/.exec(said)?.[1] ?? '';

test('Ctrl-C ends `rowcast dev` whole, and the next one knows what was created', async () => {
  const cio = { name: 'cio', kind: 'customerio' as const, writeKey: { secret: 'key' } };
  const first = startDev();
  await until(() => first.said().includes('is ready'));
  {
    await using rowcast = await connect({ env: { TEMPORAL_ADDRESS: addressOf(first.said()) } });
    await rowcast.destinations.update(cio);
  }
  const pid = serverPid();
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
  expect(first.said()).not.toContain('WARN');
  expect(isRunning(pid)).toBe(false);

  const second = startDev();
  await until(() => second.said().includes('is ready'));
  {
    await using rowcast = await connect({ env: { TEMPORAL_ADDRESS: addressOf(second.said()) } });
    expect((await rowcast.destinations.get('cio')).definition).toMatchObject(cio);
  }
  second.child.kill('SIGHUP');
  expect(await second.ended).toBe(0);
});

test('a second `rowcast dev` in one folder is refused, also when the first was killed', async () => {
  const first = startDev();
  await until(() => first.said().includes('is ready'));
  const pid = serverPid();
  const refusal = `The Temporal server of ${join(folder, '.rowcast', 'dev')} is running already, as process ${pid}; stop the \`rowcast dev\` that started it, or that process where nothing else is left of it, or start in another folder.\n`;
  const second = startDev();
  expect(await second.ended).toBe(1);
  expect(second.said()).toBe(refusal);

  first.child.kill('SIGKILL');
  await first.ended;
  const third = startDev();
  expect(await third.ended).toBe(1);
  expect(third.said()).toBe(refusal);
  process.kill(pid);
  await until(() => !isRunning(pid));
});

test('Ctrl-C while `rowcast dev` starts leaves no server behind', async () => {
  const dev = startDev();
  await until(() => existsSync(join(folder, '.rowcast', 'dev', 'temporal.log')));
  dev.child.kill('SIGINT');
  expect(await dev.ended).toBe(130);
  await until(() => !execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(folder));
});
