import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { INSTALL_FOLDER } from '../dev/temporal.ts';
import { messageOf } from '../errors.ts';

/** Makes environments, and finds or downloads the Python for them; on PyPI as a binary. */
const UV = 'uv==0.13.9';
const PYTHON = '3.13';
const INSTALL_TIMEOUT_MS = 300_000;

const run = promisify(execFile);
let uv: Promise<string> | undefined;

/** Of pyenv, where it has the Python: uv looks on the PATH alone. */
function pyenvFolders(): string[] {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  const fitting = readdirSync(versions).filter((version) => version.startsWith(`${PYTHON}.`));
  return fitting.map((version) => join(versions, version, 'bin'));
}

async function installUv(timeout: number): Promise<string> {
  const folder = join(INSTALL_FOLDER, 'uv');
  const program = join(folder, 'bin', 'uv');
  if (!existsSync(program)) {
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, UV];
    await run('python3', pip, { timeout });
  }
  return program;
}

/**
 * The interpreter of an environment of Python 3.13 with packages of PyPI, for a peer of the tests; or why there is none.
 * It is made below `.rowcast` once, and again where the packages are others.
 *
 * @param packages as pip takes them, with their versions.
 * @param limits what each step of it may take.
 */
export async function pythonWith(
  name: string,
  packages: readonly string[],
  { timeoutMs = INSTALL_TIMEOUT_MS } = {},
): Promise<{ readonly python: string } | string> {
  const folder = join(INSTALL_FOLDER, `python-${name}`);
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'installed');
  const wanted = packages.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { python };
  const path = [process.env['PATH'] ?? '', ...pyenvFolders()].join(delimiter);
  const options = { env: { ...process.env, PATH: path }, timeout: timeoutMs };
  try {
    rmSync(folder, { recursive: true, force: true });
    const program = await (uv ??= installUv(timeoutMs));
    await run(program, ['venv', '--quiet', '--python', PYTHON, folder], options);
    await run(program, ['pip', 'install', '--quiet', '--python', python, ...packages], options);
    writeFileSync(stamp, wanted);
    return { python };
  } catch (error) {
    return `Python ${PYTHON} with ${packages[0] ?? 'no package'} could not be installed: ${reasonOf(error)}`;
  }
}

/** What a program wrote before it failed: the first line names the command alone. */
function reasonOf(error: unknown): string {
  const [command = '', ...words] = messageOf(error)
    .trim()
    .split(/\s*\n\s*/);
  return words.length === 0 ? command : words.join(' ');
}
