import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { connect } from '../../client/index.ts';
import { scheduleId } from '../../workflows/contract.ts';
import { failureOf } from '../connectors/request.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What `rowcast apply` refuses, and that nothing of it is there afterwards. */

/** Temporal is shared with other tests. */
const ID = randomBytes(3).toString('hex');
const [CIO, SHOP, PEOPLE] = [`cio-${ID}`, `shop-${ID}`, `people-${ID}`];

const CLI = join(import.meta.dirname, '..', '..', 'cli', 'rowcast.mjs');

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'rowcast-bad-'));
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Fields = Record<string, unknown>;

/** A file that is right but for the fields given. */
function fileWith({ whole, destination, source, integration, sync, syncName = PEOPLE }: Changes): string {
  return stringify({
    version: 1,
    destinations: {
      [CIO]: {
        kind: 'customerio',
        url: engine.receiver.url,
        writeKey: { secret: 'write-key' },
        ...destination,
      },
    },
    integrations: {
      [SHOP]: {
        source: {
          kind: 'postgres',
          host: '127.0.0.1',
          database: engine.database,
          user: 'postgres',
          password: { secret: 'source-password' },
          ...source,
        },
        destination: CIO,
        ...integration,
      },
    },
    syncs: {
      [syncName]: {
        integration: SHOP,
        type: 'identify',
        every: '1 hour',
        query: 'SELECT 1 AS "userId"',
        ...sync,
      },
    },
    ...whole,
  });
}

interface Changes {
  readonly whole?: Fields;
  readonly destination?: Fields;
  readonly source?: Fields;
  readonly integration?: Fields;
  readonly sync?: Fields;
  readonly syncName?: string;
}

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function rowcast(args: readonly string[], env: NodeJS.ProcessEnv = engine.env): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], { env, cwd: folder }, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

function apply(text: string, env?: NodeJS.ProcessEnv): Promise<Answer> {
  writeFileSync(join(folder, 'rowcast.yaml'), text);
  return rowcast(['apply', '-f', 'rowcast.yaml'], env);
}

const BAD: readonly (readonly [what: string, changes: Changes, says: readonly string[]])[] = [
  ['an unknown key', { sync: { qurey: 'x' } }, [`syncs.${PEOPLE}.qurey`, 'is not a known field']],
  ['an unknown section', { whole: { sync: {} } }, ['sync: is not a known field']],
  ['a bad name', { syncName: 'People' }, ['1 to 40 characters of a-z, 0-9', 'syncs.People', '`title`']],
  [
    'an unknown integration',
    { sync: { integration: 'shp' } },
    ['Nothing was applied', `syncs.${PEOPLE}.integration`, 'no integration "shp"', 'correct the name'],
  ],
  [
    'an unknown destination',
    { integration: { destination: 'coi' } },
    ['Nothing was applied', `integrations.${SHOP}.destination`, 'no destination "coi"', 'correct the name'],
  ],
  [
    'a query that is too long',
    { sync: { query: `SELECT '${'x'.repeat(131_072)}'` } },
    [`syncs.${PEOPLE}.query`, 'is 131081 characters long', 'the limit of 131072', 'shorten it'],
  ],
  ['an empty query', { sync: { query: ' ; ' } }, [`syncs.${PEOPLE}.query`, 'is empty', 'one SELECT']],
  [
    'a query of two statements',
    { sync: { query: 'SELECT 1;\nDROP TABLE people' } },
    [`syncs.${PEOPLE}.query`, 'more than one statement', 'line 2', 'keep one'],
  ],
  [
    'a frequency below a minute',
    { sync: { every: '30 seconds' } },
    [`syncs.${PEOPLE}.every`, '"30 seconds" is too short', 'at least 60 seconds'],
  ],
  [
    'a cron that never fires',
    { sync: { every: undefined, cron: '0 0 30 2 *' } },
    [`syncs.${PEOPLE}.cron`, '"0 0 30 2 *" never fires', 'correct its day or its month'],
  ],
  [
    'a startAt that is past',
    { sync: { startAt: '2020-01-01T00:00:00Z' } },
    [`startAt of the sync ${PEOPLE}`, '2020-01-01T00:00:00Z', 'past', 'give a later'],
  ],
  [
    'a secret that is written out',
    { source: { password: 'hunter2-literal' } },
    [`integrations.${SHOP}.source.password`, '`{ secret: shop-password }`', 'a literal secret is refused'],
  ],
  [
    'a write key that is written out',
    { destination: { writeKey: { secret: 'Hunter2-Literal' } } },
    [`destinations.${CIO}.writeKey.secret`, 'must name a secret'],
  ],
  [
    'a secret that would leave its folder',
    { source: { password: { secret: '../etc/passwd' } } },
    [`integrations.${SHOP}.source.password.secret`, 'must name a secret', 'a-z, 0-9 and "-"'],
  ],
  [
    'a secret that names a variable of the worker',
    { source: { password: { secret: 'PATH' } } },
    [`integrations.${SHOP}.source.password.secret`, 'must name a secret', 'a-z, 0-9 and "-"'],
  ],
  [
    'a tls that is none',
    { source: { tls: 'maybe' } },
    [`integrations.${SHOP}.source.tls`, '"verify"', '"require"', '"off"', '"maybe"'],
  ],
];

for (const [what, changes, says] of BAD) {
  test(`${what} is refused with its field and the fix, and nothing is applied`, async () => {
    const { exitCode, stdout, stderr } = await apply(fileWith(changes));
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 1, stdout: '' });
    for (const words of says) expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/hunter2/i);
    expect(stderr).not.toMatch(/\n\s+at |etc\/passwd/);
    await nothingIsThere();
  });
}

test('the same file without what is wrong is applied', async () => {
  writeFileSync(join(folder, 'rowcast.yaml'), fileWith({ sync: { enabled: false } }));
  // Its database is not there.
  const { exitCode, stdout } = await rowcast(['apply', '-f', 'rowcast.yaml', '--no-test']);
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: `destination ${CIO} created\nintegration ${SHOP} created\nsync ${PEOPLE} created\n`,
  });
});

test('a definition that names what does not exist is refused without a file too', async () => {
  const { syncs, integrations } = engine.rowcast;
  const sync = {
    name: `lone-${ID}`,
    type: 'identify' as const,
    every: '1 hour',
    query: 'SELECT 1',
    integration: 'shp',
  };
  const password = { secret: 'x' };
  const source = { kind: 'postgres' as const, host: 'x', database: 'x', user: 'x', password };
  for (const [update, says] of [
    [() => syncs.update(sync), `\`integration\` of the sync lone-${ID} is "shp"`],
    [
      () => integrations.update({ name: `lone-${ID}`, source, destination: 'coi' }),
      `\`destination\` of the integration lone-${ID} is "coi"`,
    ],
  ] as const) {
    const failure = await failureOf(update());
    expect(failure.code).toBe('definition_invalid');
    expect(failure.message).toContain(says);
    expect(failure.message).toContain('correct the name');
  }
  expect(await syncs.find(sync.name)).toBeNull();
  expect(await integrations.find(sync.name)).toBeNull();
});

test('where no worker is running, the command says so instead of waiting for ever', async () => {
  const env = { ...engine.env, ROWCAST_TASK_QUEUE: 'rowcast-nobody-polls' };
  for (const answer of [
    await apply(fileWith({}), env),
    await rowcast(['sync', 'run', PEOPLE, '--wait'], env),
    await rowcast(['sync', 'preview', PEOPLE], env),
  ]) {
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' });
    expect(answer.stderr).toMatch(
      /^No worker is polling the task queue rowcast-nobody-polls in the namespace default .*`npx rowcast worker`\.\n$/,
    );
  }
});

test('where no Temporal server is running, command, client and worker say so', async () => {
  const env = { ...engine.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const says =
    /^The Temporal server at 127\.0\.0\.1:1 cannot be reached.*; check TEMPORAL_ADDRESS, or start one with `npx rowcast dev`\.\n?$/;
  for (const args of [['sync', 'list'], ['worker']]) {
    const { exitCode, stdout, stderr } = await rowcast(args, env);
    expect({ exitCode, stdout }, args.join(' ')).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(says);
  }
  const failure = await failureOf(connect({ env }));
  expect(failure.code).toBe('temporal_unreachable');
  expect(failure.message).toMatch(says);
});

async function nothingIsThere(): Promise<void> {
  for (const name of [PEOPLE, 'People']) {
    expect(await engine.rowcast.syncs.find(name)).toBeNull();
    await expect(engine.temporal.schedule.getHandle(scheduleId(name)).describe()).rejects.toThrow();
  }
  expect(await engine.rowcast.integrations.find(SHOP)).toBeNull();
  expect(await engine.rowcast.destinations.find(CIO)).toBeNull();
  expect(await engine.filesLeft()).toEqual([]);
}
