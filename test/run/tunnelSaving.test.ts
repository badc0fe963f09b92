import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';
import type { IntegrationDefinition, KeyAnswer, UnknownServer } from '../../client/index.ts';
import { runRowcast } from '../cli/command.ts';
import { typing } from '../cli/terminal.ts';
import { failureOf } from '../connectors/request.ts';
import { startSshd } from '../sshd.ts';
import type { Sshd } from '../sshd.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* What is found out of a tunnel before an integration is saved, through a real SSH server. */

const found = inject('sshd');
const name = typeof found === 'string' ? `saving a tunnel (${found})` : 'saving a tunnel';

describe.skipIf(typeof found === 'string')(name, () => {
  let engine: Engine;
  let sshd: Sshd;
  let sync: string;
  let direct: IntegrationDefinition;
  let count = 0;

  beforeAll(async () => {
    if (typeof found === 'string') return;
    sshd = await startSshd(found.path);
    engine = await startEngine({ env: { ROWCAST_IDENTITY: await generateX25519Identity() } });
    sync = await engine.sync({ query: 'SELECT n AS "userId" FROM generate_series(1, 5) AS n' });
    const [only] = await Array.fromAsync(engine.rowcast.integrations.list());
    direct = only!.definition;
  });

  beforeEach(() => {
    sshd.authorize();
    count += 1;
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await sshd.remove();
  });

  const integrations = () => engine.rowcast.integrations;
  const authorize = (...keys: readonly (KeyAnswer['active'] | undefined)[]) =>
    sshd.authorize(...keys.map((key) => `restrict,port-forwarding ${key?.publicKey ?? ''}`));

  /** An integration of the test's own behind the SSH server. */
  const behind = () => ({
    ...direct,
    name: `saved-${count}`,
    tunnel: { host: '127.0.0.1', port: sshd.port, user: sshd.user, hostKey: sshd.hostKey },
  });

  /** Runs the sync with an integration. */
  async function run(integration: string): Promise<unknown> {
    const { definition } = await engine.rowcast.syncs.get(sync);
    await engine.rowcast.syncs.update({ ...definition, integration });
    return engine.run(sync);
  }

  test('a key that was not tried out stays pending, though the integration is saved without a test', async () => {
    const definition = behind();
    const { pending } = await integrations().key(definition.name, 'show');
    expect(await failureOf(integrations().update(definition))).toMatchObject({
      code: 'connection_test_failed',
    });
    expect(await integrations().update(definition, { test: false })).toMatchObject({ change: 'created' });
    expect(await integrations().key(definition.name, 'show')).toMatchObject({ active: null, pending });
    expect(await run(definition.name)).toMatchObject({
      outcome: 'failed',
      errorCode: 'tunnel_key_missing',
    });

    authorize(pending);
    expect(await integrations().save(definition.name)).toMatchObject({ changed: ['tunnel.key'] });
    expect(await run(definition.name)).toMatchObject({ outcome: 'succeeded', delivered: 5 });
  });

  /** The same without the fingerprint of its SSH server; its key is there. */
  async function ofUnknownServer() {
    const { tunnel, ...rest } = behind();
    const { host, port, user } = tunnel;
    const { pending } = await integrations().key(rest.name, 'show');
    authorize(pending);
    return { definition: { ...rest, tunnel: { host, port, user } }, key: pending! };
  }
  const savedHostKey = async (integration: string) =>
    (await integrations().get(integration)).definition.tunnel?.hostKey;

  test('a server that is not known is refused before anybody signs in; one that was accepted is required from then on', async () => {
    const { definition, key } = await ofUnknownServer();
    const { name } = definition;
    const refusal = await failureOf(integrations().update(definition));
    expect(refusal.code).toBe('tunnel_host_key_unknown');
    for (const words of [sshd.hostKey, '`tunnel.hostKey`', '`--accept-host-key`'])
      expect(refusal.message).toContain(words);
    const asked: unknown[] = [];
    const accept = (is: boolean) => (server: UnknownServer) => {
      asked.push(server);
      return is;
    };
    const refused = await failureOf(integrations().update(definition, { acceptHostKey: accept(false) }));
    expect(refused.code).toBe('tunnel_host_key_unknown');
    expect(await integrations().find(name)).toBeNull();
    expect(sshd.log).not.toContain(key.fingerprint);

    await integrations().update(definition, { acceptHostKey: accept(true) });
    const { host, port } = definition.tunnel;
    const server = { integration: name, host, port, fingerprint: sshd.hostKey };
    expect(asked).toEqual([server, server]);
    expect(await savedHostKey(name)).toBe(sshd.hostKey);
    expect(await integrations().key(name, 'show')).toMatchObject({ active: key, pending: null });
    expect(await integrations().update(definition)).toMatchObject({ change: 'unchanged' });
    expect(await run(name)).toMatchObject({ outcome: 'succeeded' });
    expect((await integrations().test(definition)).ok).toBe(true);

    const pinned = sshd.hostKey;
    await sshd.stop();
    await sshd.start({ newHostKey: true });
    const both = `has the host key ${sshd.hostKey}, not ${pinned}`;
    expect(await run(name)).toMatchObject({ errorCode: 'tunnel_host_key_changed' });
    const changed = { ...definition, tunnel: { ...definition.tunnel, user: 'somebody' } };
    const other = await failureOf(integrations().update(changed, { acceptHostKey: accept(true) }));
    expect(other).toMatchObject({ code: 'connection_test_failed' });
    expect(other.message).toContain(both);
    expect(asked).toHaveLength(2);
    const named = { ...definition, tunnel: { ...definition.tunnel, hostKey: sshd.hostKey } };
    expect(await integrations().update(named)).toMatchObject({ changed: ['tunnel'] });
    expect(await savedHostKey(name)).toBe(sshd.hostKey);

    const elsewhere = { ...definition, tunnel: { ...definition.tunnel, host: 'localhost' } };
    expect(await failureOf(integrations().update(elsewhere))).toMatchObject({
      code: 'tunnel_host_key_unknown',
    });
  });

  test('only the very host key that was shown is accepted', async () => {
    const { definition, key } = await ofUnknownServer();
    const shown = sshd.hostKey;
    const acceptHostKey = async () => {
      await sshd.stop();
      await sshd.start({ newHostKey: true });
      return true;
    };
    const refusal = await failureOf(integrations().update(definition, { acceptHostKey }));
    expect(refusal.message).toContain(`has the host key ${sshd.hostKey}, not ${shown}`);
    expect(await integrations().find(definition.name)).toBeNull();
    expect(sshd.log).not.toContain(key.fingerprint);
  });

  test('one that is saved without a test has no known server, and its runs say so, until it is accepted', async () => {
    const { definition, key } = await ofUnknownServer();
    const { name } = definition;
    await integrations().update(definition, { test: false });
    const command = (...args: string[]) => runRowcast(engine.env, 'integration', ...args, name);
    const tested = await command('test');
    expect(tested).toMatchObject({ code: 1, stderr: '' });
    expect(tested.stdout).toContain(
      `FAILED host key: The SSH server 127.0.0.1:${sshd.port} has the host key`,
    );
    expect((await command('test', '--accept-host-key')).stdout).toContain(`${name} works.`);
    expect(await savedHostKey(name)).toBeUndefined();
    expect((await command('save')).stderr).toContain(`has the host key ${sshd.hostKey}, which is not known`);
    expect(await integrations().key(name, 'show')).toMatchObject({ active: null, pending: key });

    const no = await typing(engine.env, 'n\r', `integration save ${name}`);
    expect(no.said).toContain('is not known yet. Its host key is');
    expect(no.code).toBe(1);
    expect(await savedHostKey(name)).toBeUndefined();
    const yes = await typing(engine.env, 'y\r', `integration save ${name}`);
    expect(yes.said).toContain(sshd.hostKey);
    expect(yes.code).toBe(0);
    expect(await savedHostKey(name)).toBe(sshd.hostKey);
    expect(await integrations().key(name, 'show')).toMatchObject({ active: key, pending: null });
  });

  test('a script accepts the servers of a file with an option, and the file stays as it is', async () => {
    const { definition } = await ofUnknownServer();
    const { name, ...fields } = definition;
    const file = join(dirname(engine.storage), 'unknown.yaml');
    writeFileSync(file, stringify({ version: 1, integrations: { [name]: fields } }));
    const apply = (...args: string[]) => runRowcast(engine.env, 'apply', '-f', file, ...args);
    const refused = await apply();
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^Nothing was applied:\n.* `--accept-host-key` when you save\.\n$/);
    expect(await apply('--accept-host-key')).toEqual({
      code: 0,
      stdout: `integration ${name} tested, created\n`,
      stderr: `The host key ${sshd.hostKey} of the SSH server 127.0.0.1:${sshd.port} is accepted.\n`,
    });
    const unchanged = { code: 0, stdout: `integration ${name} unchanged\n`, stderr: '' };
    expect(await apply()).toEqual(unchanged);
    expect(await apply('--dry-run')).toEqual(unchanged);

    // A workflow that is lost comes back with the server that is known.
    await engine.temporal.workflow.getHandle(`rowcast-integration-${name}`).terminate('by a test');
    expect((await apply()).stdout).toContain(`integration ${name} unchanged\n`);
  });
});
