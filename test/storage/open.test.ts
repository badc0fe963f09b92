import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findStorage, openStorage, storageLocation } from '../../storage/open.ts';
import { failureOf } from '../connectors/request.ts';
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

test('a location that is neither a folder nor S3 is refused, with nothing created', async () => {
  for (const location of ['gs://bucket/rowcast', 'file:///var/lib/rowcast', 'HTTPS://example.com']) {
    const refusal =
      'ROWCAST_STORAGE is neither a folder nor S3; give a path such as "/var/lib/rowcast", or s3://BUCKET/PREFIX.';
    await expect(openStorage(location)).rejects.toThrow(refusal);
    await expect(findStorage(location)).rejects.toThrow(refusal);
    expect(existsSync(location)).toBe(false);
  }
});

test('a location in S3 that cannot be one is refused before anything is asked, and what may be a secret is not repeated', async () => {
  for (const [location, why] of [
    ['s3://', 'names the bucket "", which none can be called'],
    ['s3://Bucket/rowcast', 'names the bucket "Bucket", which none can be called'],
    ['s3://bucket/a b', 'has the prefix "a b"; letters, digits'],
    ['s3://bucket/a//b', 'has the prefix "a//b"; letters, digits'],
    ['s3://bucket/../b', 'has the prefix "../b"; letters, digits'],
    [
      's3://key:hush-hush@bucket/a',
      'holds more than a bucket and a prefix, such as credentials; give those as AWS_',
    ],
    ['s3://bucket/a?secret=hush-hush', 'holds more than a bucket and a prefix'],
  ] as const) {
    const failure = await failureOf(openStorage(location));
    expect(failure.code).toBe('definition_invalid');
    expect(failure.message).toContain(`ROWCAST_STORAGE ${why}`);
    expect(failure.message).toMatch(/ Give s3:\/\/BUCKET or s3:\/\/BUCKET\/PREFIX\.$/);
    expect(failure.message).not.toContain('hush-hush');
    expect((await failureOf(findStorage(location))).message).toBe(failure.message);
  }
});

test('a storage is opened and known by its location', async () => {
  using folder = testFolder();
  expect(await findStorage(folder.at('storage'))).toBeNull();
  expect(existsSync(folder.at('storage'))).toBe(false);
  const { identity } = await openStorage(folder.at('storage'));
  expect((await findStorage(folder.at('storage')))?.identity).toEqual(identity);
});
