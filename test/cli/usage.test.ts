import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runRowcast } from './command.ts';

/* What the command says where it needs no server, or finds none. */

/** Nobody listens there. */
const env = { ...process.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
const folder = mkdtempSync(join(tmpdir(), 'rowcast-cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fileOf = (text: string) => {
  const path = join(folder, 'rowcast.yaml');
  writeFileSync(path, text);
  return path;
};

const PAGE = 'give a whole number from 1 to 1000.';
const ROWS = 'give a whole number from 1 to 100.';
const MOMENT = 'give whole Unix seconds, or ISO 8601 from 1970 on, such as 2027-01-31T06:00:00Z.';

describe('wrong usage ends with exit code 2, and one sentence', () => {
  test.each([
    ['import list --limit abc', `--limit is "abc"; ${PAGE}`],
    ['import list --limit 0', `--limit is "0"; ${PAGE}`],
    ['import list --limit -1', `--limit is "-1"; ${PAGE}`],
    ['import list --limit 1e9', `--limit is "1e9"; ${PAGE}`],
    ['import list --limit 1001', `--limit is "1001"; ${PAGE}`],
    ['sync preview people --limit 0', `--limit is "0"; ${ROWS}`],
    ['sync preview people --limit 101', `--limit is "101"; ${ROWS}`],
    ['sync preview people --since abc', `--since is "abc"; ${MOMENT}`],
    ['sync preview people --since -1', `--since is "-1"; ${MOMENT}`],
    ['sync preview people --since 1.5', `--since is "1.5"; ${MOMENT}`],
    ['sync preview people --since 1700000000000', `--since is "1700000000000"; ${MOMENT}`],
    ['sync preview people --since 2027-13-01', `--since is "2027-13-01"; ${MOMENT}`],
    ['sync preview', 'Name a sync, or a file with -f, as in `rowcast sync preview people`.'],
    ['sync show people --yaml --json', "error: option '--yaml' cannot be used with option '--json'"],
    ['sync update people', 'Say what to change, as in `rowcast sync update people --every "5 minutes"`.'],
    [
      'sync update people --every 5m --cron x',
      "error: option '--every <duration>' cannot be used with option '--cron <fields>'",
    ],
    ['sync reset people --to soon', `--to is "soon"; ${MOMENT}`],
    ['sync show', "error: missing required argument 'name'"],
    [
      'sync run people orders',
      "error: too many arguments for 'run'. Expected 1 argument but got 2: people, orders.",
    ],
    [
      'import errors run --format xml',
      "error: option '--format <format>' argument 'xml' is invalid. Allowed choices are table, ndjson, csv.",
    ],
    ['apply', "error: required option '-f, --file <file>' not specified"],
    ['imprt', "error: unknown command 'imprt'\n(Did you mean import?)"],
    ['sync list --jsn', "error: unknown option '--jsn'\n(Did you mean --json?)"],
  ])('%s', async (line, sentence) => {
    expect(await runRowcast(env, ...line.split(' '))).toEqual({
      code: 2,
      stdout: '',
      stderr: `${sentence}\n`,
    });
  });
});

test('a command that lacks its subcommand shows its help', async () => {
  for (const [args, usage] of [
    [[], 'Usage: rowcast [options] [command]'],
    [['sync'], 'Usage: rowcast sync [options] [command]'],
    [['import'], 'Usage: rowcast import [options] [command]'],
  ] as const) {
    const { code, stderr } = await runRowcast(env, ...args);
    expect({ code, first: stderr.split('\n')[0] }).toEqual({ code: 2, first: usage });
  }
});

test('--help and --version are answered with exit code 0', async () => {
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  expect(await runRowcast(env, '--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  const { code, stdout } = await runRowcast(env, 'sync', '--help');
  expect(code).toBe(0);
  for (const command of ['list', 'show', 'preview', 'run', 'enable', 'disable'])
    expect(stdout).toContain(`  ${command}`);
});

test('without a Temporal server every command says so instead of waiting', async () => {
  const file = fileOf('version: 1');
  const commands = ['sync list', 'sync run people', 'import list', 'sync preview people', `apply -f ${file}`];
  for (const line of commands) {
    expect(await runRowcast(env, ...line.split(' ')), line).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'The Temporal server at 127.0.0.1:1 cannot be reached; check TEMPORAL_ADDRESS, or start one with `npx rowcast dev`.\n',
    });
  }
});

test('settings for Temporal that cannot be read are named', async () => {
  const wrong = { ...env, TEMPORAL_CONFIG_FILE: fileOf('[profile'), TEMPORAL_PROFILE: 'work' };
  const { code, stderr } = await runRowcast(wrong, 'sync', 'list');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^The settings for Temporal cannot be read: .*; correct TEMPORAL_PROFILE, .*\n$/s);
});

test('a file with problems is refused before Temporal is asked, each problem on a line of its own', async () => {
  const path = fileOf('version: 1\nsync: {}\ndestinations: { cio: { kind: customerio, writeKey: hunter2 } }');
  expect(await runRowcast(env, 'apply', '-f', path)).toEqual({
    code: 1,
    stdout: '',
    stderr: `${path} has a problem:\n  sync: is not a known field; did you mean "syncs"?\n`,
  });
});

test('a file that is not there, or has not the sync, is named', async () => {
  const missing = join(folder, 'missing.yaml');
  expect(await runRowcast(env, 'apply', '-f', missing)).toMatchObject({
    code: 1,
    stderr: `The file ${missing} cannot be read: ENOENT: no such file or directory; correct its path.\n`,
  });
  const path = fileOf('version: 1');
  expect(await runRowcast(env, 'sync', 'preview', 'people', '-f', path)).toMatchObject({
    code: 1,
    stderr: `${path} has no sync people; it holds none.\n`,
  });
});
