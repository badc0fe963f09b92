import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  findImport,
  importSegments,
  readImports,
  sortKeyOf,
  writeImports,
} from '../../storage/importSegments.ts';
import type { ImportSummary } from '../../storage/importSegments.ts';
import type { Storage } from '../../storage/storage.ts';
import { failureOf } from '../connectors/request.ts';
import { testStorage } from './folder.ts';

/* Imports that are older than those that their sync holds. */

const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');

/** The import of the minute of that number; every tenth failed. */
const importOf = (minute: number): ImportSummary => {
  const startedAt = new Date(BEGIN_MS + minute * 60_000).toISOString();
  return { run: `run-${minute}`, startedAt, outcome: minute % 10 === 0 ? 'failed' : 'succeeded' };
};
const importsOf = (minutes: readonly number[]) => minutes.map(importOf);
const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_minute, index) => from + index * step);

/** A storage that counts the objects that are read. */
function counting(storage: Storage): Storage & { reads: number } {
  const counted = {
    reads: 0,
    identity: storage.identity,
    put: storage.put.bind(storage),
    list: storage.list.bind(storage),
    remove: storage.remove.bind(storage),
    removeObjects: storage.removeObjects.bind(storage),
    scratch: storage.scratch.bind(storage),
    get: (key: string) => {
      counted.reads += 1;
      return storage.get(key);
    },
  };
  return counted;
}

async function firstOf(imports: AsyncGenerator<ImportSummary>, count: number): Promise<ImportSummary[]> {
  const first: ImportSummary[] = [];
  for await (const each of imports) if (first.push(each) === count) break;
  return first;
}

test('the newest of 100,000 imports are read from one object', async () => {
  await using at = await testStorage();
  const folder = join(at.storage.identity.location, 'imports', 'people');
  await writeImports(at.storage, 'people', importsOf(range(0, 50)));
  const [{ key } = { key: '' }] = await importSegments(at.storage);
  mkdirSync(folder, { recursive: true });
  for (let begin = 50; begin < 100_000; begin += 50) {
    const imports = importsOf(range(begin, begin + 50));
    const moments = [imports[0]!, imports.at(-1)!].map(({ startedAt }) => startedAt.replace(/[-:]/g, ''));
    const name = key.replace(/^.*\/[^=]+=[^=]+=/, `${moments.join('=')}=`);
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, imports }));
  }
  const storage = counting(at.storage);
  const segments = await importSegments(storage, 'people');
  expect(segments).toHaveLength(2_000);
  expect(await firstOf(readImports(storage, segments), 20)).toEqual(
    importsOf(range(99_980, 100_000).reverse()),
  );
  expect(storage.reads).toBe(1);
});

test('the imports of several syncs come as one list, newest first, each once', async () => {
  await using at = await testStorage();
  await writeImports(at.storage, 'people', importsOf(range(0, 100, 2)));
  await writeImports(at.storage, 'people', importsOf(range(100, 200, 2)));
  await writeImports(at.storage, 'orders', importsOf(range(1, 101, 2)));
  await writeImports(at.storage, 'orders', importsOf(range(101, 201, 2)));
  const all = await Array.fromAsync(readImports(at.storage, await importSegments(at.storage)));
  expect(all).toEqual(importsOf(range(0, 200).sort((left, right) => (keyOf(left) < keyOf(right) ? 1 : -1))));
});

test('an import that was retried is listed once, as it is now, whatever outcome is looked for', async () => {
  await using at = await testStorage();
  const partly = { ...importOf(55), outcome: 'succeeded_with_errors' };
  const again = { ...partly, retried: { times: 1 } };
  const wholly = { ...partly, outcome: 'succeeded', retried: { times: 2 } };
  await writeImports(at.storage, 'people', [...importsOf(range(0, 50)), partly]);
  await writeImports(at.storage, 'people', [...importsOf(range(60, 100)), again, wholly]);
  await writeImports(at.storage, 'people', importsOf(range(100, 110)));
  const segments = await importSegments(at.storage);
  const all = await Array.fromAsync(readImports(at.storage, segments));
  expect(all.filter(({ run }) => run === 'run-55')).toEqual([wholly]);
  const fitting = segments.filter(({ outcomes }) => outcomes.includes('succeeded_with_errors'));
  expect(fitting).toHaveLength(2);
  expect(await findImport(at.storage, 'people', 'run-55')).toEqual(wholly);
  expect(await findImport(at.storage, 'people', 'run-56')).toBe(null);
});

const keyOf = (minute: number) => sortKeyOf(importOf(minute));

test('an object says in its name when its imports began and how they ended', async () => {
  await using at = await testStorage();
  await writeImports(at.storage, 'people', importsOf([12, 10, 11]));
  await writeImports(at.storage, 'people', importsOf([13]));
  expect(await importSegments(at.storage, 'people')).toMatchObject([
    { first: '20260101T001300.000Z', last: '20260101T001300.000Z', outcomes: ['succeeded'] },
    { first: '20260101T001000.000Z', last: '20260101T001200.000Z', outcomes: ['failed', 'succeeded'] },
  ]);
});

test('what is stored again by a retry changes nothing, and other imports under the same name are not taken for it', async () => {
  await using at = await testStorage();
  const imports = importsOf([1, 2, 3]);
  await writeImports(at.storage, 'people', imports);
  await writeImports(at.storage, 'people', imports);
  expect(await importSegments(at.storage, 'people')).toHaveLength(1);
  const others = [imports[0]!, { ...imports[1]!, run: 'other' }, imports[2]!];
  expect((await failureOf(writeImports(at.storage, 'people', others))).message).toContain('exists already');
});

test('an object that is damaged is named, and what to do', async () => {
  await using at = await testStorage();
  const key = 'imports/people/20260101T000000.000Z=20260101T000100.000Z=2=succeeded.json';
  await at.storage.put(key, Buffer.from('{"version":1'));
  const failure = await failureOf(firstOf(readImports(at.storage, await importSegments(at.storage)), 1));
  expect(failure.code).toBe('storage_corrupt');
  expect(failure.message).toContain(`The file ${key} in`);
  expect(failure.message).toContain('restore it, or remove it');
});
