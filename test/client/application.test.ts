import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ownServers } from '../ownServers.ts';

/* An application that has Rowcast as a dependency, with types and at run time, as `npm install ../rowcast` makes it. */

const ROOT = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'rowcast-application-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const APPLICATION = `
import { connect, RowcastError } from 'rowcast';
import type { ImportRecord, Rowcast } from 'rowcast';

await using rowcast: Rowcast = await connect();
try {
  const record: ImportRecord = await rowcast.imports.get('rowcast-run-nobody-2027-01-01T00:00:00Z');
  console.log(record.outcome);
} catch (error) {
  console.log(error instanceof RowcastError && error.code);
}
`;

const OPTIONS = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
    strict: true,
    skipLibCheck: true,
    outDir: 'out',
    rootDir: '.',
  },
  files: ['application.ts'],
};

function run(command: string, ...args: string[]) {
  const env = { ...process.env, TEMPORAL_ADDRESS: ownServers().temporal.address };
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { status, output: `${stdout}${stderr}`.trim() };
}

test('an application imports the SDK with its types', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(run(tsc, '-p', join(ROOT, 'tsconfig.build.json'))).toEqual({ status: 0, output: '' });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'rowcast'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(OPTIONS));
  writeFileSync(join(folder, 'application.ts'), APPLICATION);
  expect(run(tsc, '-p', folder)).toEqual({ status: 0, output: '' });
  expect(run(join(folder, 'out', 'application.js'))).toEqual({ status: 0, output: 'no_worker' });
});
