import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDeliveredCalls, readFailedRows, writeNdjson } from '../../storage/failedRows.ts';
import { readManifest, writeManifest } from '../../storage/manifest.ts';
import type { FailedRow, Manifest } from '../../storage/manifest.ts';
import { keepOnly } from '../../storage/runs.ts';
import { Staging } from '../../storage/staging.ts';
import type { Storage } from '../../storage/storage.ts';
import { Digester } from '../../storage/digester.ts';
import { Memory } from '../../storage/memory.ts';
import { callOf } from './calls.ts';
import { testStorage } from './folder.ts';

/* What a run keeps beside its chunks: the manifest, and the files of failed rows and delivered calls. */

const FOLDER = 'runs/people/run';

/** Makes a file hold something else, as a damaged disk does. */
function damage(storage: Storage, key: string, content: string): void {
  writeFileSync(join(storage.identity.location, key), content);
}

describe('a manifest', () => {
  const key = fc.constantFrom(
    'runs/people/run/a/chunks/0-000000',
    'runs/people/run/a/chunks/1-000001-repeats',
  );
  const manifests: fc.Arbitrary<Manifest> = fc.record({
    version: fc.constantFrom(1, 2),
    lanes: fc.array(fc.array(fc.record({ key, rows: fc.nat(), bytes: fc.nat() }))),
    rows: fc.nat(),
    failed: fc.nat(),
    errorFiles: fc.array(key),
    placements: fc.array(fc.record({ column: fc.string(), path: fc.array(fc.string()), why: fc.string() })),
  });

  test('comes back as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(manifests, async (manifest) => {
        await using at = await testStorage();
        const written = await writeManifest(at.storage, FOLDER, manifest);
        expect(await readManifest(at.storage, written)).toEqual(manifest);
      }),
      { numRuns: 30 },
    );
  });

  test('that is missing, damaged or of another version is refused in one sentence', async () => {
    await using at = await testStorage();
    const manifest: Manifest = { version: 2, lanes: [], rows: 0, failed: 0, errorFiles: [], placements: [] };
    const written = await writeManifest(at.storage, FOLDER, manifest);
    const whole = JSON.stringify(manifest);
    const contents = [
      '',
      'null',
      whole.slice(0, -1),
      JSON.stringify({ ...manifest, version: 3 }),
      JSON.stringify({ ...manifest, rows: '7' }),
      JSON.stringify({ ...manifest, lanes: [[{ key: 'a', rows: 1 }]] }),
    ];
    for (const content of contents) {
      damage(at.storage, written, content);
      await expect(readManifest(at.storage, written), content).rejects.toMatchObject({
        code: 'storage_corrupt',
        message: `The manifest ${written} in ${at.storage.identity.location} is missing, damaged or of another version of Rowcast; the run fails, and its window repeats from the source.`,
      });
    }
    await at.storage.remove(written);
    await expect(readManifest(at.storage, written)).rejects.toMatchObject({ code: 'storage_corrupt' });
  });
});

describe('rows that failed', () => {
  test('are listed in the order of the query with what is wrong and their data, from as many files as it takes', async () => {
    await using at = await testStorage();
    const staging = new Staging({
      storage: at.storage,
      folder: FOLDER,
      lanes: 2,
      chunkBytes: 1_000,
      memory: new Memory(),
      digester: new Digester(),
      digestPrefix: '[]',
    });
    const failed: FailedRow[] = [];
    for (let row = 1; row <= 900; row += 1) {
      if (row % 3 === 0) staging.add(row, callOf(`user-${row}`, { repeatable: false }));
      else {
        const wrong = { code: 'missing_user', message: `Row "${row}" has no\nuser 🎈.` };
        const data = { id: null, note: '🎈"\\\n'.repeat(1_000) };
        staging.fail(row, wrong, JSON.stringify(data));
        failed.push({ row, ...wrong, data });
      }
      if (row % 10 === 0) await staging.flush();
    }
    const staged = await staging.finish();
    expect(staged).toMatchObject({ rows: 900, failed: 600 });
    expect(staged.errorFiles.length).toBeGreaterThan(2);
    expect(await at.storage.list(`${FOLDER}/errors`)).toEqual(staged.errorFiles);
    expect(await Array.fromAsync(readFailedRows(at.storage, staged.errorFiles))).toEqual(failed);
  });

  test('of several lanes and files are listed in the order of the query', async () => {
    const files = fc.array(fc.uniqueArray(fc.nat(100), { maxLength: 20 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(files, async (rowsOfFiles) => {
        await using at = await testStorage();
        const keys = rowsOfFiles.map((_rows, index) => `${FOLDER}/errors/${index}.ndjson`);
        for (const [index, rows] of rowsOfFiles.entries()) {
          const lines = rows.map((row) => ({
            row,
            code: 'c',
            message: 'm',
            data: {},
            call: { file: index },
          }));
          await writeNdjson(at.storage, keys[index]!, lines);
        }
        const found = await Array.fromAsync(readFailedRows(at.storage, keys));
        expect(found.map(({ row }) => row)).toEqual(
          rowsOfFiles.flat().toSorted((left, right) => left - right),
        );
      }),
      { numRuns: 50 },
    );
  });

  test('keep data of any name, such as __proto__', async () => {
    await using at = await testStorage();
    const line = '{"row":1,"code":"c","message":"m","data":{"__proto__":{"a":1},"constructor":2}}';
    await at.storage.put('errors', Buffer.from(`${line}\n`));
    const [found] = await Array.fromAsync(readFailedRows(at.storage, ['errors']));
    expect(JSON.stringify(found)).toBe(line);
  });

  test('are not left out silently where a file is missing, cut off or damaged', async () => {
    await using at = await testStorage();
    const line = { row: 1, code: 'c', message: 'm', data: {}, call: {} };
    const whole = `${JSON.stringify(line)}\n`;
    await writeNdjson(at.storage, `${FOLDER}/good`, [line]);
    await writeNdjson(at.storage, `${FOLDER}/bad`, [line, line]);
    const sentence = {
      code: 'storage_corrupt',
      message: `The file ${FOLDER}/bad in ${at.storage.identity.location} is missing or damaged, so that the run's rows cannot be listed; restore the file.`,
    };
    const keys = [`${FOLDER}/good`, `${FOLDER}/bad`];
    for (const content of [whole.slice(0, -1), `${whole}{"row":2`, `${whole}{}\n`, 'null\n', '\0\0\0\0']) {
      damage(at.storage, `${FOLDER}/bad`, content);
      await expect(Array.fromAsync(readFailedRows(at.storage, keys)), content).rejects.toMatchObject(
        sentence,
      );
      await expect(Array.fromAsync(readDeliveredCalls(at.storage, keys)), content).rejects.toMatchObject(
        sentence,
      );
    }
    await at.storage.remove(`${FOLDER}/bad`);
    await expect(Array.fromAsync(readFailedRows(at.storage, keys))).rejects.toMatchObject(sentence);
  });
});

test('a run that ends keeps the objects that are named, and nothing else of its folder', async () => {
  await using at = await testStorage();
  const { storage } = at;
  const kept = [`${FOLDER}/a/errors/000000.ndjson`, `${FOLDER}/import.json`];
  const gone = [`${FOLDER}/a/chunks/0-000000`, `${FOLDER}/a/manifest.json`, `${FOLDER}/dead/chunks/0-000000`];
  const others = ['runs/people/run-2/a/chunks/0', 'runs/people/runs', 'state/sync/people/000000000001.json'];
  for (const key of [...kept, ...gone, ...others]) await storage.put(key, Buffer.from('x'));
  await keepOnly(storage, FOLDER, kept);
  await keepOnly(storage, FOLDER, kept);
  expect(await storage.list('runs')).toEqual(
    [...kept, 'runs/people/run-2/a/chunks/0', 'runs/people/runs'].sort(),
  );
  expect(await storage.list('state')).toHaveLength(1);
  expect(readdirSync(join(storage.identity.location, FOLDER)).sort()).toEqual(['a', 'import.json']);

  await keepOnly(storage, FOLDER, []);
  expect(await storage.list(FOLDER)).toEqual([]);
  expect(readdirSync(join(storage.identity.location, 'runs', 'people')).sort()).toEqual(['run-2', 'runs']);
});
