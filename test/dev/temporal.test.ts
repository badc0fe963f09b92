import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTemporal, startTemporal } from '../../dev/temporal.ts';
import type { FoundTemporal } from '../../dev/temporal.ts';

/* Where development finds Temporal. That it can be installed at all is shown by every other test. */

const folder = mkdtempSync(join(tmpdir(), 'rowcast-temporal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let installed: FoundTemporal & { kind: 'binary' };
beforeAll(async () => {
  const found = await findTemporal({});
  if (found.kind !== 'binary') throw new Error('no TEMPORAL_ADDRESS was given');
  installed = found;
});

describe('Temporal is found', () => {
  test('at TEMPORAL_ADDRESS before anywhere else', async () => {
    const env = { TEMPORAL_ADDRESS: 'temporal.example.com:7233', PATH: folder };
    expect(await findTemporal(env)).toEqual({ kind: 'cluster', address: 'temporal.example.com:7233' });
  });

  test('on the PATH before what was installed earlier', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync(installed.path, join(bin, 'temporal'));
    const PATH = ['', '/nonexistent', bin].join(':');
    expect(await findTemporal({ PATH })).toEqual({ kind: 'binary', path: join(bin, 'temporal') });
  });

  test('where it was installed earlier, when the one on the PATH does not work', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    symlinkSync('/bin/false', join(broken, 'temporal'));
    expect(await findTemporal({ PATH: broken, TEMPORAL_ADDRESS: '' })).toEqual(installed);
  });
});

test('a port that is taken is left to its owner', async () => {
  const owner = createServer();
  const port = await new Promise<number>((resolve) =>
    owner.listen(0, '127.0.0.1', () => resolve((owner.address() as { port: number }).port)),
  );
  const server = await startTemporal({
    path: installed.path,
    logFile: join(folder, 'temporal.log'),
    port,
    ui: false,
  });
  expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(server.address).not.toBe(`127.0.0.1:${port}`);
  await server.stop();
  owner.close();
});
