import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStorage, readStorageIdentity, storageLocation } from '../../storage/open.ts';
import { testFolder } from './folder.ts';

/* Where the storage is. */

test('the storage is where ROWCAST_STORAGE says, else under the user’s data folder', () => {
  expect(storageLocation({ ROWCAST_STORAGE: '/var/lib/rowcast' }, 'linux')).toBe('/var/lib/rowcast');
  expect(storageLocation({ ROWCAST_STORAGE: '', XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/rowcast');
  expect(storageLocation({}, 'linux')).toBe(join(homedir(), '.local', 'share', 'rowcast'));
  expect(storageLocation({}, 'darwin')).toBe(join(homedir(), 'Library', 'Application Support', 'rowcast'));
});

test('an XDG_DATA_HOME that is empty or relative is ignored, and not taken for the current folder', () => {
  for (const given of ['', 'data', './data']) {
    expect(storageLocation({ XDG_DATA_HOME: given }, 'linux')).toBe(
      join(homedir(), '.local', 'share', 'rowcast'),
    );
  }
});

test('a location that is no folder is refused by name, with nothing created', async () => {
  for (const location of ['s3://bucket/rowcast', 'file:///var/lib/rowcast', 'HTTPS://example.com']) {
    const refusal = `ROWCAST_STORAGE is ${JSON.stringify(location)}, but only a local folder is supported; give a path such as "/var/lib/rowcast".`;
    await expect(openStorage(location)).rejects.toThrow(refusal);
    await expect(readStorageIdentity(location)).rejects.toThrow(refusal);
    expect(existsSync(location)).toBe(false);
  }
});

test('a storage is opened and known by its location', async () => {
  using folder = testFolder();
  expect(await readStorageIdentity(folder.at('storage'))).toBeNull();
  const { identity } = await openStorage(folder.at('storage'));
  expect(await readStorageIdentity(folder.at('storage'))).toEqual(identity);
});
