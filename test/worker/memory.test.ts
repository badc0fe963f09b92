import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

/* What a worker does to stay small: looked at in processes of its own. */

const ROOT = join(import.meta.dirname, '..', '..');
const MB = 1_024 * 1_024;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowcast-memory-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a module of its own prints, as JSON. */
async function answerOf(program: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

/** Bundles, or takes what is bundled; `peakKb` is the most memory that the process had, as Linux has it. */
const bundle = (cache: string) =>
  answerOf(
    `import { workflowBundle } from ${JSON.stringify(join(ROOT, 'worker', 'bundle.ts'))};
    const { code } = await workflowBundle(process.env);
    const isAscii = /^[\\0-\\x7f]*$/.test(code);
    console.log(JSON.stringify({ chars: code.length, isAscii, peakKb: process.resourceUsage().maxRSS }));`,
    { XDG_CACHE_HOME: cache },
  ) as Promise<{ chars: number; isAscii: boolean; peakKb: number }>;

test('a first start, for which the workflows are bundled, takes hardly more memory than the next', async () => {
  const cache = join(folder, 'cache');
  const first = await bundle(cache);
  const next = await bundle(cache);
  expect(first.chars).toBe(next.chars);
  expect(first.peakKb).toBeLessThanOrEqual(next.peakKb * 1.3);
});

test('a bundle that cannot be kept is made all the same, of characters that take a byte each', async () => {
  const unwritable = join(folder, 'program.mjs', 'cache');
  expect(await bundle(unwritable)).toMatchObject({ isAscii: true, chars: expect.any(Number) as number });
});

test('young objects of a worker get some 16 MB, and less than without its limit, however many live for a while', async () => {
  const churn = (limited: boolean) =>
    answerOf(
      `${limited ? `import ${JSON.stringify(join(ROOT, 'worker', 'heapSpaces.ts'))};` : ''}
      import { getHeapSpaceStatistics } from 'node:v8';
      import { setTimeout as sleep } from 'node:timers/promises';
      let [kept, largest] = [[], 0];
      for (let round = 0; round < 200; round += 1) {
        for (let at = 0; at < 20_000; at += 1) kept[(round * 20_000 + at) % 400_000] = { round, at };
        await sleep(0);
        const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
        largest = Math.max(largest, young.space_size);
      }
      console.log(largest);`,
    );
  const [unlimited, limited] = [await churn(false), await churn(true)];
  // It may have grown once more before the worker hears of it.
  expect(limited).toBeLessThanOrEqual(32 * MB);
  expect(unlimited).toBeGreaterThan(limited as number);
});

test('young objects of `rowcast worker` get no more while its modules are loaded in one go', () => {
  const look = join(folder, 'look.mjs');
  writeFileSync(
    look,
    `import { getHeapSpaceStatistics } from 'node:v8';
    process.on('exit', () => {
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      console.log(young.space_size);
    });`,
  );
  const args = ['--import', pathToFileURL(look).href, join(ROOT, 'cli', 'rowcast.mjs'), 'worker'];
  const env = { ...process.env, ROWCAST_LANES: 'none' };
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  expect(stderr).toMatch(/^The environment variable ROWCAST_LANES is "none"/);
  expect(Number(stdout)).toBeLessThanOrEqual(16 * MB);
});

test('the thread of the workflows gets no more than 8 MB for young objects', async () => {
  const largest = await answerOf(
    `import ${JSON.stringify(join(ROOT, 'worker', 'heapSpaces.ts'))};
    import { Worker } from 'node:worker_threads';
    const thread = new Worker(\`
      const kept = [];
      for (let at = 0; at < 2_000_000; at += 1) kept[at % 400_000] = { at };
      const young = require('node:v8').getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      require('node:worker_threads').parentPort.postMessage(young.space_size);\`, { eval: true });
    thread.once('message', (size) => console.log(size));`,
  );
  expect(largest).toBeLessThanOrEqual(8 * MB);
});
