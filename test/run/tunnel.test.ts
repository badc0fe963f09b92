import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { IntegrationDefinition, KeyAnswer } from '../../client/index.ts';
import { runRowcast } from '../cli/command.ts';
import { failureOf } from '../connectors/request.ts';
import { startSshd } from '../sshd.ts';
import type { Sshd } from '../sshd.ts';
import { until } from '../until.ts';
import { startEngine } from './engine.ts';
import type { Engine } from './engine.ts';

/* Whole runs through a real SSH server, and the keys with which they sign in there. */

const found = inject('sshd');
const name = typeof found === 'string' ? `a source behind SSH (${found})` : 'a source behind SSH';

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
    sync = await engine.sync({ query: 'SELECT n AS "userId" FROM generate_series(1, 50) AS n' });
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
  const tunnel = () => ({ host: '127.0.0.1', port: sshd.port, user: sshd.user, hostKey: sshd.hostKey });
  const fresh = () => `behind-${count}`;
  const authorize = (...keys: readonly (KeyAnswer['active'] | undefined)[]) =>
    sshd.authorize(...keys.map((key) => `restrict,port-forwarding ${key?.publicKey ?? ''}`));

  /** The integration of the sync, under a name of the test's own and behind the SSH server. */
  async function save(integration: string): Promise<void> {
    await integrations().update({ ...direct, name: integration, tunnel: tunnel() });
  }

  /** Runs the sync with an integration; its calls are new ones each time. */
  async function run(integration: string): Promise<unknown> {
    const { definition } = await engine.rowcast.syncs.get(sync);
    await engine.rowcast.syncs.update({ ...definition, integration });
    return engine.run(sync);
  }

  /** An integration that works, and its key. */
  async function working(): Promise<{ integration: string; key: KeyAnswer['active'] }> {
    const integration = fresh();
    const { pending } = await integrations().key(integration, 'show');
    authorize(pending);
    await save(integration);
    return { integration, key: pending };
  }

  /** How often a key was used to sign in. */
  const signIns = (key: KeyAnswer['active']) =>
    sshd.log
      .split('\n')
      .filter((line) => line.includes(`Accepted publickey`) && line.includes(key!.fingerprint)).length;

  test('has a key before it exists, cannot be saved before the key is on the server, and then runs', async () => {
    const integration = fresh();
    expect(await failureOf(save(integration))).toMatchObject({ code: 'tunnel_key_missing' });
    const { code, stdout, stderr } = await runRowcast(engine.env, 'integration', 'key', integration);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^ssh-ed25519 \\S+ rowcast integration ${integration} [-\\d]{10}\\n$`));
    expect(stderr).toContain(`restrict,port-forwarding,permitopen="DATABASE_HOST:PORT" ${stdout.trim()}`);
    const refusal = await failureOf(save(integration));
    expect(refusal.code).toBe('connection_test_failed');
    expect(refusal.message).toContain(`refused the key for the user ${sshd.user}`);
    expect(await integrations().find(integration)).toBeNull();

    sshd.authorize(`restrict,port-forwarding ${stdout.trim()}`);
    await save(integration);
    expect(await run(integration)).toMatchObject({ outcome: 'succeeded', delivered: 50 });
    expect(await integrations().key(integration, 'show')).toMatchObject({
      change: 'unchanged',
      active: { publicKey: stdout.trim() },
      pending: null,
    });
    await until(() => sshd.connections() === 0);
  });

  test('goes on with the old key until the new one has reached the database and is saved', async () => {
    const { integration, key: old } = await working();
    const { pending } = await integrations().key(integration, 'rotate');
    expect(pending!.fingerprint).not.toBe(old!.fingerprint);
    const refused = await failureOf(integrations().save(integration));
    expect(refused.message).toContain('runs go on as before');
    const before = signIns(old);
    expect(await run(integration)).toMatchObject({ outcome: 'succeeded' });
    expect(signIns(old)).toBeGreaterThan(before);

    authorize(old, pending);
    const saved = await runRowcast(engine.env, 'integration', 'save', integration);
    expect(saved).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('runs use it from now on') as string,
    });
    authorize(pending);
    expect(await run(integration)).toMatchObject({ outcome: 'succeeded' });
    expect(await integrations().key(integration, 'show')).toMatchObject({ active: pending, pending: null });
    expect(await integrations().save(integration)).toMatchObject({ change: 'unchanged' });
  });

  test('keeps its key where the new one is taken back', async () => {
    const { integration, key } = await working();
    await integrations().key(integration, 'rotate');
    expect(await integrations().key(integration, 'discard')).toMatchObject({ change: 'discarded' });
    expect(await integrations().save(integration)).toMatchObject({ change: 'unchanged' });
    expect(await integrations().key(integration, 'show')).toMatchObject({ active: key, pending: null });
  });

  test('gives two people who rotate at once the same new key, and never saves one that was discarded', async () => {
    const { integration, key: old } = await working();
    const rotate = () => integrations().key(integration, 'rotate');
    const [one, other] = await Promise.all([rotate(), rotate()]);
    expect(one.pending).toEqual(other.pending);

    await integrations().key(integration, 'discard');
    const { pending } = await rotate();
    authorize(old, one.pending);
    expect(await failureOf(integrations().save(integration))).toMatchObject({
      code: 'connection_test_failed',
    });
    authorize(old, pending);
    const saves = [integrations().save(integration), integrations().save(integration)];
    const settled = await Promise.allSettled(saves);
    expect(settled.map(({ status }) => status)).toContain('fulfilled');
    expect(await integrations().key(integration, 'show')).toMatchObject({ active: pending, pending: null });
  });

  test('tries out the new key with a definition that is applied, and saves both or neither', async () => {
    const { integration, key: old } = await working();
    const { pending } = await integrations().key(integration, 'rotate');
    authorize(old);
    const changed = { ...direct, name: integration, tunnel: tunnel(), title: 'Shop' };
    await failureOf(integrations().update(changed));
    expect((await integrations().get(integration)).definition.title).toBeUndefined();
    authorize(pending);
    expect(await integrations().update(changed)).toMatchObject({ changed: ['title', 'tunnel.key'] });
    expect((await integrations().get(integration)).definition.title).toBe('Shop');
  });

  test('keeps its keys where its workflow is lost, and loses them where it is deleted', async () => {
    const { integration, key } = await working();
    const { pending } = await integrations().key(integration, 'rotate');
    await engine.temporal.workflow.getHandle(`rowcast-integration-${integration}`).terminate('by a test');
    expect(await integrations().key(integration, 'show')).toMatchObject({ active: key, pending });
    expect(await run(integration)).toMatchObject({ outcome: 'succeeded' });

    await run(direct.name);
    await integrations().delete(integration);
    const again = await integrations().key(integration, 'show');
    expect(again).toMatchObject({ change: 'created', active: null });
    expect(again.pending!.fingerprint).not.toBe(pending!.fingerprint);
    await integrations().key(integration, 'discard');
    expect(await failureOf(integrations().delete(integration))).toMatchObject({ code: 'not_found' });
  });

  test('whose tunnel breaks in mid-read goes on through a new one, and loses and doubles nothing', async () => {
    const { integration } = await working();
    const query = `SELECT n AS "userId",
      CASE WHEN n = 300 AND (SELECT count(*) FROM tries) = 0 THEN pg_sleep(60)::text END AS slept
      FROM generate_series(1, 500) AS n`;
    await engine.sql.query('CREATE TABLE tries (at timestamptz)');
    const { definition } = await engine.rowcast.syncs.get(sync);
    await engine.rowcast.syncs.update({ ...definition, integration, query });
    const before = engine.receiver.log.stats();
    const { run: started } = await engine.rowcast.syncs.run(sync);
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND wait_event = 'PgSleep'`;
    await until(async () => (await engine.sql.query(sleeping)).rows.length > 0);
    await engine.sql.query('INSERT INTO tries VALUES (now())');
    await sshd.stop();
    await sshd.start();
    expect(await engine.rowcast.imports.wait(started)).toMatchObject({
      outcome: 'succeeded',
      delivered: 500,
    });
    const { received, distinct } = engine.receiver.log.stats();
    expect([received - before.received, distinct - before.distinct]).toEqual([500, 500]);
  });

  test('is tried out step by step, with the new key where there is one', async () => {
    const { integration, key } = await working();
    const steps = async () =>
      (await integrations().test(integration)).steps.map(({ step, ok }) => `${ok ? '' : 'not '}${step}`);
    const login = async () =>
      (await integrations().test(integration)).steps.find(({ step }) => step === 'SSH login');
    expect(await steps()).toEqual([
      ...['name found', 'port open', 'host key', 'SSH login', 'forwarding'],
      ...['TLS', 'login', 'only reading', 'clock'],
    ]);
    expect((await login())?.words).toContain(key!.fingerprint);
    const { pending } = await integrations().key(integration, 'rotate');
    expect(await steps()).toEqual(['name found', 'port open', 'host key', 'not SSH login']);
    sshd.authorize(`restrict ${pending!.publicKey}`);
    expect(await steps()).toEqual(['name found', 'port open', 'host key', 'SSH login', 'not forwarding']);
    authorize(pending);
    expect((await login())?.words).toContain(pending!.fingerprint);
    await until(() => sshd.connections() === 0);
  });

  test('refuses a server whose host key has changed, at once', async () => {
    const { integration } = await working();
    const pinned = sshd.hostKey;
    await sshd.stop();
    await sshd.start({ newHostKey: true });
    expect(await run(integration)).toMatchObject({
      outcome: 'failed',
      errorCode: 'tunnel_host_key_changed',
      error: expect.stringContaining(`has the host key ${sshd.hostKey}, not ${pinned}`) as string,
    });
    expect((await integrations().test(integration)).steps.at(-1)).toMatchObject({
      step: 'host key',
      ok: false,
    });
  });

  test('has no private key in storage, in a history or in the worker’s log', async () => {
    const integration = `behind-1`;
    const handle = engine.temporal.workflow.getHandle(`rowcast-integration-${integration}`);
    const history = JSON.stringify(await handle.fetchHistory());
    const files = readdirSync(engine.storage, { recursive: true, encoding: 'utf8' })
      .map((file) => join(engine.storage, file))
      .filter((file) => statSync(file).isFile());
    const texts = [
      history,
      readFileSync(engine.workerLog, 'utf8'),
      ...files.map((file) => readFileSync(file, 'latin1')),
    ];
    const payloads = history.match(/"data":"([^"]+)"/g) ?? [];
    const decoded = payloads.map((payload) => Buffer.from(payload.slice(8, -1), 'base64').toString('latin1'));
    expect(decoded.join('')).toContain('sealed:');
    for (const text of [...texts, ...decoded]) {
      expect(text).not.toMatch(/PRIVATE KEY|b3BlbnNzaC1rZXktdjE/);
    }
  });
});
