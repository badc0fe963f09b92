import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { runRowcast } from '../cli/command.ts';
import { startEngine, WRITE_KEY } from '../run/engine.ts';
import type { Engine } from '../run/engine.ts';
import { integrationWorkflowId, syncWorkflowId } from '../../workflows/contract.ts';

/* Integrations and destinations: listed, shown, tried out, and deleted once nobody uses them. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
afterEach(() => engine.receiver.misbehave());

const rowcast = (...args: string[]) => runRowcast(engine.env, ...args);

/** A sync with an integration and a destination that are its own. */
async function define(word: string, source: object = {}, destination: object = {}): Promise<Named> {
  const { integrations, destinations, syncs } = engine.rowcast;
  const names = { sync: `${word}-sync`, integration: `${word}-from`, destination: `${word}-to` };
  const { host, port, user } = inject('postgres');
  await destinations.update({
    ...{ name: names.destination, kind: 'http', url: engine.receiver.url, writeKey: { secret: 'write-key' } },
    ...destination,
  });
  const integration = {
    name: names.integration,
    source: {
      ...{ kind: 'postgres' as const, host, port, database: engine.database, user, tls: 'off' as const },
      password: { secret: 'source-password' },
      ...source,
    },
    destination: names.destination,
  };
  // Some are defined to find out what is wrong with them.
  await integrations.update(integration, { test: false });
  const query = 'SELECT 1 AS "userId"';
  await syncs.update(
    { name: names.sync, integration: names.integration, type: 'identify', every: '1 hour', query },
    { enabled: false },
  );
  return names;
}

interface Named {
  readonly sync: string;
  readonly integration: string;
  readonly destination: string;
}

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('without any, the listings say how to create some', async () => {
  expect((await rowcast('integration', 'list')).stdout).toMatch(
    /^There is no integration yet; create some with/,
  );
  expect((await rowcast('destination', 'list')).stdout).toMatch(
    /^There is no destination yet; create some with/,
  );
  expect((await rowcast('destination', 'list', '--json')).stdout).toBe('[]\n');
});

test('integrations and destinations are listed in order, and shown as a file that can be applied', async () => {
  await define('zebra');
  const { integration, destination } = await define('ant');
  const integrations = await rowcast('integration', 'list');
  expect(integrations.stdout).toMatch(
    /^INTEGRATION +SOURCE +HOST +DATABASE +DESTINATION\nant-from +postgres +\S+:\d+ +\S+ +ant-to\nzebra-from /,
  );
  const destinations = await rowcast('destination', 'list');
  expect(destinations.stdout).toMatch(
    /^DESTINATION +KIND +ENDPOINT\nant-to +http +http:\/\/\S+\/v1\nzebra-to /,
  );

  const shown = await rowcast('integration', 'show', integration);
  expect(shown.stdout).toContain(`integrations:\n  ${integration}:\n    source:\n      kind: postgres\n`);
  expect(shown.stdout).toContain('password:\n        secret: source-password\n');
  const json = JSON.parse((await rowcast('destination', 'show', destination, '--json')).stdout) as object;
  expect(json).toMatchObject({ revision: 1, definition: { name: destination, kind: 'http' } });
  expect(await rowcast('destination', 'show', 'nobody')).toMatchObject({
    code: 1,
    stderr: 'There is no destination "nobody"; `rowcast destination list` shows those that exist.\n',
  });
});

test('what is in use is not deleted, and its users are named; once they are gone it is', async () => {
  const { sync, integration, destination } = await define('used');
  expect(await rowcast('destination', 'delete', destination)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `The destination ${destination} is in use by the integration ${integration}; delete it first, or name another destination there.\n`,
  });
  expect((await rowcast('integration', 'delete', integration)).stderr).toBe(
    `The integration ${integration} is in use by the sync ${sync}; delete it first, or name another integration there.\n`,
  );
  expect(await engine.rowcast.integrations.find(integration)).not.toBeNull();

  await rowcast('sync', 'delete', sync);
  expect(await rowcast('integration', 'delete', integration)).toMatchObject({
    code: 0,
    stdout: `${integration} is deleted.\n`,
  });
  expect((await rowcast('destination', 'delete', destination)).code).toBe(0);
  expect(await engine.rowcast.destinations.find(destination)).toBeNull();
  expect((await rowcast('destination', 'delete', destination)).stderr).toMatch(
    /^There is no destination used-to;/,
  );

  // The names can be used again.
  await define('used');
  expect(await engine.rowcast.integrations.get(integration)).toMatchObject({ revision: 1 });
});

test('a user whose workflow was lost still counts, since it comes back with the next `apply`', async () => {
  const { sync, integration, destination } = await define('lost');
  await engine.terminate(syncWorkflowId(sync));
  await engine.terminate(integrationWorkflowId(integration));
  expect((await rowcast('destination', 'delete', destination)).stderr).toContain(
    `the integration ${integration};`,
  );
  expect((await rowcast('integration', 'delete', integration)).stderr).toContain(`the sync ${sync};`);
});

test('a sync that lives counts as a user, whatever a copy that it left in storage says', async () => {
  const { sync, integration } = await define('revived');
  const { storage } = await engine.rowcast.syncs.get(sync);
  const tombstone = { version: 1, deletedAt: '2026-01-01T00:00:00Z', storage, quietUntilMs: 0, copy: 98 };
  const copy = { version: 1, number: 99, state: tombstone };
  const file = join(engine.storage, 'state', 'sync', sync, '000000000099.json');
  writeFileSync(file, JSON.stringify(copy));
  expect((await rowcast('integration', 'delete', integration)).stderr).toContain(`the sync ${sync};`);
});

test('a sync that moved to another integration sets the former free', async () => {
  const old = await define('former');
  const other = await define('latter');
  const { definition } = await engine.rowcast.syncs.get(old.sync);
  await engine.rowcast.syncs.update({ ...definition, integration: other.integration });
  expect((await rowcast('integration', 'delete', other.integration)).stderr).toContain(
    `in use by the syncs ${old.sync}, ${other.sync}; delete them first`,
  );
  expect((await rowcast('integration', 'delete', old.integration)).code).toBe(0);
});

test('an integration that works is tried out step by step, and no call is sent', async () => {
  const { integration } = await define('good');
  const { code, stdout } = await rowcast('integration', 'test', integration);
  expect(stdout).toMatch(
    new RegExp(
      [
        /^ok {5}name found: \S+/,
        /ok {5}port open: \S+:\d+/,
        /ok {5}TLS: off, so nothing is encrypted/,
        /ok {5}login: postgres, database \S+/,
        /ok {5}only reading: SELECT 1 AS one was answered in a session that cannot write/,
        /ok {5}clock: 20\S+Z, \S.* this worker's/,
        /good-from works\.\n$/,
      ]
        .map(({ source }) => source)
        .join('\\n'),
    ),
  );
  expect(code).toBe(0);
});

test('an integration that does not work says at which step, and what to do', async () => {
  const login = await define('login', { user: 'nobody' });
  const refused = await rowcast('integration', 'test', login.integration);
  expect(refused).toMatchObject({ code: 1, stderr: '' });
  expect(refused.stdout).toMatch(/^ok {5}TLS: .*\nFAILED login: .*nobody/m);
  expect(refused.stdout).toContain(`${login.integration} does not work.`);

  const away = await define('away', { port: await freePort() });
  const json = JSON.parse(
    (await rowcast('integration', 'test', away.integration, '--json')).stdout,
  ) as object;
  expect(json).toMatchObject({
    ok: false,
    steps: [
      { step: 'name found', ok: true },
      { step: 'port open', ok: false },
    ],
  });

  const nowhere = await define('nowhere', { host: 'db.rowcast.invalid' });
  expect(await engine.rowcast.integrations.test(nowhere.integration)).toMatchObject({
    ok: false,
    steps: [{ step: 'name found', words: expect.stringContaining('db.rowcast.invalid') as string }],
  });
  const plain = await define('plain', { tls: 'verify' });
  expect((await engine.rowcast.integrations.test(plain.integration)).steps.at(-1)).toMatchObject({
    step: 'TLS',
    ok: false,
    words: expect.stringContaining('does not offer TLS') as string,
  });

  const keyless = await define('keyless', { password: { secret: 'not-there' } });
  const { stdout } = await rowcast('integration', 'test', keyless.integration);
  expect(stdout).toMatch(/^FAILED login: .*ROWCAST_SECRET_NOT_THERE/m);
});

test('a destination is tried out with its write key, before it is saved too, and takes no call by it', async () => {
  const { destination } = await define('endpoint');
  const before = engine.receiver.log.stats().received;
  const works = await rowcast('destination', 'test', destination);
  expect(works.stdout).toBe(
    `ok     find the write key: the worker has it\nok     send a batch without calls: ${engine.receiver.url}/batch took it\n${destination} works.\n`,
  );
  const { definition } = await engine.rowcast.destinations.get(destination);
  engine.receiver.misbehave({ kind: 'answer', status: 401, body: 'no such key: $AUTHORIZATION' });
  const refused = await engine.rowcast.destinations.test({ ...definition, name: 'unsaved' });
  expect(refused).toMatchObject({ ok: false, steps: [{ ok: true }, { ok: false }] });
  expect(refused.steps[1]?.words).toMatch(
    /^The destination unsaved .* takes nothing: HTTP 401: .* Check its write key\./,
  );
  expect(JSON.stringify(refused)).not.toContain(Buffer.from(`${WRITE_KEY}:`).toString('base64'));

  engine.receiver.misbehave({ kind: 'answer', status: 400, body: 'the batch is empty' });
  expect((await engine.rowcast.destinations.test(destination)).steps[1]).toMatchObject({
    ok: true,
    words: expect.stringContaining('did not refuse the write key; of the batch it says: HTTP 400') as string,
  });
  engine.receiver.misbehave({ kind: 'reset' });
  expect((await rowcast('destination', 'test', destination)).code).toBe(1);
  expect(engine.receiver.log.stats().received).toBe(before);
});
