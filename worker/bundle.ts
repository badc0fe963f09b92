import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

const ROOT = join(import.meta.dirname, '..');
const WORKFLOWS_FOLDER = join(ROOT, 'workflows');
const MAKER = join(import.meta.dirname, 'makeBundle.ts');

/**
 * The bundle of the workflows, made once for each version of their code: bundling takes seconds, and a worker
 * that comes back after a crash should be at work at once. It is kept where only this user can write.
 */
export async function workflowBundle(env: NodeJS.ProcessEnv): Promise<{ readonly code: string }> {
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'rowcast');
  const file = join(cache, `workflows-${await workflowsHash()}.js`);
  const cached = await readFile(file, 'utf8').catch(() => null);
  if (cached !== null) return { code: cached };
  const code = await makeBundle();
  const temporary = `${file}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true, mode: 0o700 });
    await writeFile(temporary, code, { mode: 0o600 });
    await rename(temporary, file);
  } catch {
    // A home that cannot be written only makes the next start slower.
  }
  return { code };
}

async function makeBundle(): Promise<string> {
  // Not by its standard output, on which whatever NODE_OPTIONS loads may write.
  const child = spawn(process.execPath, [MAKER], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const [code] = await Promise.all([text(child.stdio[3] as Readable), once(child, 'close')]);
  if (child.exitCode === 0) return code;
  throw new Error(
    `the workflows could not be bundled: its process ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}`,
  );
}

/** Everything that the bundle is made of: the workflows, what they import of other rooms, the SDK, and how it is made. */
async function workflowsHash(): Promise<string> {
  const sources = (await readdir(WORKFLOWS_FOLDER)).sort().map((name) => join(WORKFLOWS_FOLDER, name));
  const others = [
    'errors.ts',
    'definitions/alertLimits.ts',
    'definitions/durationMs.ts',
    'definitions/keepMs.ts',
    'package-lock.json',
    'worker/makeBundle.ts',
  ];
  const hash = createHash('sha256').update(process.version);
  for (const file of [...sources, ...others.map((name) => join(ROOT, name))]) {
    hash.update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 32);
}
