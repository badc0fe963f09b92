import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workflowBundle } from '../../worker/bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Packages {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

test('every package of Temporal is pinned to one and the same version', () => {
  const { dependencies, devDependencies } = JSON.parse(text('package.json')) as Packages;
  const asked = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) =>
    name.startsWith('@temporalio/'),
  );
  expect(asked.length).toBeGreaterThan(5);
  expect([...new Set(asked.map(([, version]) => version))]).toEqual([
    expect.stringMatching(/^\d+\.\d+\.\d+$/),
  ]);
  const installed = Object.entries(
    (JSON.parse(text('package-lock.json')) as { packages: Record<string, { version: string }> }).packages,
  ).filter(([path]) => /node_modules\/@temporalio\/(?!core-bridge-)/.test(path));
  expect(new Set(installed.map(([, { version }]) => version))).toEqual(new Set([asked[0]?.[1]]));
});

test('the bundle of the workflows holds no driver, no HTTP, no file system and no schema library', async () => {
  const { code: bundle } = await workflowBundle(process.env);
  const modules = [...bundle.matchAll(/^\/\*\*\*\/ "([^"]+)"/gm)].map(([, name = '']) => name);
  expect(modules.length).toBeGreaterThan(20);
  const foreign = modules.filter((name) =>
    /node_modules\/(?!@temporalio\/|long\/|protobufjs\/|ms\/|nexus-rpc\/|@protobufjs\/)/.test(name),
  );
  expect(foreign).toEqual([]);
  expect(
    modules.filter((name) => /^\.?\/?(connectors|delivery|storage|mapping|activities|secrets)\//.test(name)),
  ).toEqual([]);
});

test('no file of the project is longer than 350 lines', () => {
  const files = globSync('**/*.ts', { cwd: ROOT, exclude: (path) => /^(node_modules|\.rowcast)/.test(path) });
  const long = files.filter((file) => text(file).split('\n').length > 351);
  expect(files.length).toBeGreaterThan(100);
  expect(long).toEqual([]);
});
