import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { IntegrationDefinition, KeyAnswer } from '../../client/index.ts';
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
});
