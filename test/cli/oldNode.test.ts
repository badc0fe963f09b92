import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROWCAST = join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs');

test.each(['20.19.0', '22.23.3', '24.1.0'])(
  'Node %s, which cannot run Rowcast, is told so in one sentence',
  (version) => {
    // The same Node under another number: what an old one would make of the rest is not looked at here.
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    Object.defineProperty(process, 'version', { value: 'v${version}' });`;
    const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', preload, ROWCAST, '--version'],
      {
        encoding: 'utf8',
      },
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: `Rowcast needs Node 24.2 or newer; this is v${version}. Install a newer Node.\n`,
    });
  },
);
