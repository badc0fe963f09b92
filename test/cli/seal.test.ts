import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SealedText } from '../../secrets/reference.ts';
import { requireIdentities } from '../../secrets/identities.ts';
import { unseal } from '../../secrets/sealed.ts';
import type { Binding } from '../../secrets/sealed.ts';
import { until } from '../until.ts';

/* `rowcast identity new` and `rowcast seal`, as a person and a script use them. */

const COMMAND = join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs');
const PLACE = 'integrations.shop.source.password';
const BINDING: Binding = {
  kind: 'integration',
  name: 'shop',
  field: 'source.password',
  place: 'db.internal:5432',
};
const SECRET = 'pä$$ "w0rd" 9f3c';

let folder: string;
let identityFile: string;
let recipient: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowcast-seal-'));
  const source = 'source: { kind: postgres, host: db.internal, database: shop, user: rowcast }';
  writeFileSync(
    join(folder, 'rowcast.yaml'),
    `version: 1\nintegrations: { shop: { ${source}, destination: cio } }\n`,
  );
  identityFile = join(folder, 'identity.txt');
  recipient = rowcast('', 'identity', 'new', 'identity.txt').stdout.trim();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in the folder of the rowcast.yaml with something on its standard input. */
function rowcast(input: string | Uint8Array, ...args: readonly string[]) {
  const env = { ...process.env, ROWCAST_RECIPIENT: recipient };
  return spawnSync(process.execPath, [COMMAND, ...args], { cwd: folder, input, env, encoding: 'utf8' });
}

async function opened(sealed: string): Promise<string> {
  const identities = await requireIdentities({ ROWCAST_IDENTITY: identityFile });
  return unseal(sealed.trim() as SealedText, BINDING, identities);
}

test('a new identity is readable by its owner alone, and its recipient is all that is printed', () => {
  expect(recipient).toMatch(/^age1[02-9ac-hj-np-z]{58}$/);
  expect(statSync(identityFile).mode & 0o777).toBe(0o600);
  expect(readFileSync(identityFile, 'utf8')).toMatch(
    new RegExp(`^# created: .*\n# public key: ${recipient}\nAGE-SECRET-KEY-1[A-Z0-9]{58}\n$`),
  );
});

test('an identity that exists is never overwritten, and none is shown', () => {
  const before = readFileSync(identityFile, 'utf8');
  chmodSync(identityFile, 0o644);
  const { status, stdout, stderr } = rowcast('', 'identity', 'new', identityFile);
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: `The file ${identityFile} exists, and may hold an identity that opens what was sealed; name another file.\n`,
  });
  expect(readFileSync(identityFile, 'utf8')).toBe(before);
});

test('a secret on standard input is sealed without its last line feed, and the others stay', async () => {
  const { status, stdout, stderr } = rowcast(`${SECRET}\nsecond\n\n`, 'seal', PLACE);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^sealed:[\w-]+\n$/);
  expect(await opened(stdout)).toBe(`${SECRET}\nsecond\n`);
  expect(stderr).toBe(
    'Sealed for the integration shop at db.internal:5432; nowhere else can it be opened.\n',
  );
});

test('a secret that is typed is not shown', async () => {
  const line = `"${process.execPath}" "${COMMAND}" seal ${PLACE} --recipient ${recipient} > sealed.txt`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    env: { ...process.env, SHELL: '/bin/bash' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += String(data)));
  const ended = once(child, 'exit');
  await until(() => said.includes('which is not shown:'));
  child.stdin.write(`${SECRET}\r`);
  await ended;
  expect(child.exitCode).toBe(0);
  expect(said).not.toContain('w0rd');
  expect(said).toContain('Sealed for the integration shop');
  expect(await opened(readFileSync(join(folder, 'sealed.txt'), 'utf8'))).toBe(SECRET);
});

test.each([
  ['nothing', ['seal', PLACE], '', 1, 'Nothing was given, and nothing sealed.\n'],
  ['what is no text', ['seal', PLACE], new Uint8Array([0xff, 0xfe, 0x41]), 1, /is not text in UTF-8/],
  ['no recipient', ['seal', PLACE, '--recipient', ''], SECRET, 2, /^There is no recipient to seal for;/],
])('%s is refused in a sentence, and nothing is printed', (_what, args, input, code, words) => {
  const { status, stdout, stderr } = rowcast(input, ...args);
  expect(stderr).toMatch(words);
  expect(stderr).not.toContain('w0rd');
  expect({ status, stdout }).toEqual({ status: code, stdout: '' });
});

test('a worker whose identity cannot be read does not start, and says so', () => {
  const env = {
    ...process.env,
    ROWCAST_IDENTITY: join(folder, 'nowhere.txt'),
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, 'worker'], { env, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toBe(
    'ROWCAST_IDENTITY is a file that cannot be read (ENOENT); set it to the file that `rowcast identity new` made, or to its line `AGE-SECRET-KEY-1…`.\n',
  );
});
