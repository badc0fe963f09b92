// Sets the project up, then runs a script with it: node dev/setup.mjs [SCRIPT [ARGUMENT …]]
//
// It needs nothing but Node itself (20 or newer), so that a fresh clone starts with it. Rowcast needs Node 24.2
// or newer, which the development dependency `node` brings along.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.rowcast-installed');
const [script, ...args] = process.argv.slice(2);

install();
if (script !== undefined) run(script, args);

/** Installs the packages of package-lock.json, unless they are there already. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing the packages of package-lock.json (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error(`${npm.stdout ?? ''}${npm.stderr ?? ''}${npm.error?.message ?? ''}`);
    console.error(
      'npm ci failed, see above. Check that the npm registry can be reached, then run this again.',
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** Runs a script with Node 24.2 or newer; signals and the exit code pass through. */
function run(name, rest) {
  const own = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > 24 || (major === 24 && minor >= 2);
  if (!existsSync(own) && !isNew) {
    console.error(
      `Rowcast needs Node 24.2 or newer, this is ${process.version}, and the package "node" brought none for this machine; install a newer Node.`,
    );
    process.exit(1);
  }
  const node = existsSync(own) ? own : process.execPath;
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(
    process.platform === 'win32' ? ';' : ':',
  );
  const child = spawn(node, [join(root, name), ...rest], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path, NODE_COMPILE_CACHE: join(root, '.rowcast', 'compiled') },
  });
  // A terminal sends Ctrl-C to the whole group; this process only waits for what becomes of it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}
