import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../dev/port.ts';
import { fingerprintOf, generateKeyPair } from '../tunnel/key.ts';
import { findProgram, installUnlessThere } from './debian.ts';
import { until } from './until.ts';

/** OpenSSH's server, which is installed where that is possible; or why there is none. */
export function findSshd(): { readonly path: string } | string {
  const missing = installUnlessThere('sshd', 'openssh-server');
  const path = findProgram('sshd');
  return path === undefined ? (missing ?? 'sshd was not found after its installation') : { path };
}

/** An SSH server of a test's own, on a free port of 127.0.0.1. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** The fingerprint of its host key. */
  readonly hostKey: string;
  /** What it logged so far. */
  readonly log: string;
  /** Whose keys may sign in. */
  authorize(...lines: string[]): void;
  /** Starts it, again where it was stopped; with a new host key where wanted. */
  start(options?: { readonly newHostKey?: boolean }): Promise<void>;
  /** Ends it with every connection. */
  stop(): Promise<void>;
  /** The connections that are signed in. */
  connections(): number;
  remove(): Promise<void>;
}

/** @param settings lines of sshd_config. */
export async function startSshd(path: string, settings: readonly string[] = []): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-sshd-'));
  const file = (name: string) => join(folder, name);
  const port = await freePort();
  // Where sshd runs as root it wants this to be there.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  let hostKey = makeHostKey(file('host_key'));
  let child: ChildProcess | null = null;
  writeFileSync(file('authorized_keys'), '');
  writeFileSync(file('sshd_config'), [...configOf(folder, port), ...settings, ''].join('\n'));
  const log = openSync(file('log'), 'a');
  const stopAtExit = () => void child?.kill('SIGKILL');
  process.on('exit', stopAtExit);

  const sshd: Sshd = {
    port,
    user: userInfo().username,
    get hostKey() {
      return hostKey;
    },
    get log() {
      return readFileSync(file('log'), 'utf8');
    },
    authorize: (...lines) => writeFileSync(file('authorized_keys'), `${lines.join('\n')}\n`),
    async start({ newHostKey = false } = {}) {
      if (newHostKey) hostKey = makeHostKey(file('host_key'));
      // Connections are children of its process group, with which they end.
      const started = spawn(path, ['-D', '-e', '-f', file('sshd_config')], {
        stdio: ['ignore', log, log],
        detached: true,
      });
      child = started;
      await until(async () => {
        if (started.exitCode !== null) throw new Error(`sshd did not start: ${sshd.log}`);
        return answers(port);
      });
    },
    async stop() {
      if (child?.pid === undefined) return;
      const { pid } = child;
      const exited = new Promise((resolve) => child?.once('exit', resolve));
      for (const connection of childrenOf(pid)) kill(connection);
      kill(pid);
      await exited;
      child = null;
    },
    connections: () => childrenOf(child?.pid ?? 0).length,
    async remove() {
      process.off('exit', stopAtExit);
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await sshd.start();
  return sshd;
}

function makeHostKey(file: string): string {
  const { publicKey, privateKey } = generateKeyPair('host');
  writeFileSync(file, privateKey, { mode: 0o600 });
  return fingerprintOf(publicKey);
}

function configOf(folder: string, port: number): string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'LogLevel VERBOSE',
  ];
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The processes that descend from one, nearest first. */
function childrenOf(pid: number): number[] {
  if (pid === 0) return [];
  const children = listedChildren(pid);
  return children === ''
    ? []
    : children.split(' ').flatMap((child) => [Number(child), ...childrenOf(Number(child))]);
}

/** None where the process has ended since it was listed itself. */
function listedChildren(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
