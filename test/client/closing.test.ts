import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect, RowcastError } from '../../client/index.ts';
import { findTemporal, startTemporal } from '../../dev/temporal.ts';

test('a client that is closed while Temporal is away, and it is still asking, ends in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-closing-'));
  const found = await findTemporal({});
  if (found.kind !== 'binary') throw new Error('no TEMPORAL_ADDRESS was given');
  const server = await startTemporal({ path: found.path, logFile: join(folder, 'log'), port: 0, ui: false });
  const rowcast = await connect({ env: { TEMPORAL_ADDRESS: server.address } });
  await server.stop('SIGKILL');
  const asked = rowcast.syncs.find('people').catch((error: unknown) => error);
  await sleep(700); // It tries again by now.
  await rowcast.close();
  expect(await asked).toEqual(expect.objectContaining({ code: 'temporal_unreachable' }));
  const later = await rowcast.syncs.find('people').catch((error: unknown) => error);
  expect(later).toBeInstanceOf(RowcastError);
  expect(String(later)).toContain('was closed; connect again');
  // A retry on the closed connection would end this process.
  await sleep(1_500);
  rmSync(folder, { recursive: true, force: true });
});
