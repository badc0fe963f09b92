import { createConnection } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { openMssql } from '../../connectors/mssql/source.ts';
import { openMysql } from '../../connectors/mysql/source.ts';
import { openPostgres } from '../../connectors/postgres/source.ts';
import type { Source } from '../../connectors/source.ts';
import type { FailureCode } from '../../errors.ts';
import { fingerprintOf, generateKeyPair } from '../../tunnel/key.ts';
import { SharedTunnels } from '../../tunnel/shared.ts';
import { openThroughTunnel } from '../../tunnel/source.ts';
import { openTunnel } from '../../tunnel/tunnel.ts';
import type { Tunnel, TunnelRequest } from '../../tunnel/tunnel.ts';
import { createMysqlDatabase, MARIADB } from '../connectors/mysqlDatabase.ts';
import { createDatabase, PASSWORD } from '../connectors/postgresDatabase.ts';
import type { TestDatabase } from '../connectors/postgresDatabase.ts';
import { failureOf, readAll, request as queryRequest } from '../connectors/request.ts';
import { PASSWORD as PEER_PASSWORD, startTdsPeer, varchar } from '../connectors/tdsPeer.ts';
import * as tds from '../connectors/tdsTokens.ts';
import { serve } from '../connectors/tlsProxy.ts';
import type { TestServer } from '../connectors/tlsProxy.ts';
import { startSshd } from '../sshd.ts';
import type { Sshd } from '../sshd.ts';
import { until } from '../until.ts';

const found = inject('sshd');
const name = typeof found === 'string' ? `a tunnel through OpenSSH (${found})` : 'a tunnel through OpenSSH';

describe.skipIf(typeof found === 'string')(name, () => {
  const pair = generateKeyPair('rowcast integration shop');
  const forwardingOnly = `restrict,port-forwarding ${pair.publicKey}`;
  let sshd: Sshd;
  let database: TestDatabase;
  let tunnels: SharedTunnels;
  const opened: Tunnel[] = [];
  const servers: TestServer[] = [];

  beforeAll(async () => {
    if (typeof found === 'string') return;
    sshd = await startSshd(found.path);
    database = await createDatabase();
  });

  beforeEach(() => {
    tunnels = new SharedTunnels();
    sshd.authorize(forwardingOnly);
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const tunnel of opened.splice(0)) await tunnel.close();
    for (const server of servers.splice(0)) await server.stop();
    await until(() => sshd.connections() === 0);
  });

  afterAll(async () => {
    await sshd.remove();
    await database.drop();
  });

  function request({ config, ...more }: Partial<TunnelRequest> = {}): TunnelRequest {
    return {
      config: { host: '127.0.0.1', port: sshd.port, user: sshd.user, hostKey: sshd.hostKey, ...config },
      privateKey: pair.privateKey,
      to: inject('postgres'),
      ...more,
    };
  }

  async function open(more: Partial<TunnelRequest> = {}): Promise<Tunnel> {
    const tunnel = await openTunnel(request(more), new AbortController().signal);
    opened.push(tunnel);
    return tunnel;
  }

  /** Fails to open, and shows nobody the private key on the way. */
  async function refusal(code: FailureCode, more: Partial<TunnelRequest> = {}): Promise<string> {
    const failure = await failureOf(open(more));
    expect(failure.code).toBe(code);
    const [, secret = ''] = pair.privateKey.split('\n');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(secret);
    return failure.message;
  }

  function openSource(more: Partial<TunnelRequest> = {}): Promise<Source> {
    const { signal } = new AbortController();
    const secrets = () => Promise.resolve(PASSWORD);
    return openThroughTunnel(tunnels, request(more), signal, (at) =>
      openPostgres(database.config(), secrets, signal, at),
    );
  }

  async function startServer(server: Promise<TestServer>): Promise<TestServer> {
    servers.push(await server);
    return server;
  }

  const silent = () => startServer(serve(() => undefined));

  test('carries a source, and is closed with it', async () => {
    const source = await openSource();
    expect(sshd.connections()).toBe(1);
    const { rows } = await readAll(source, 'SELECT n FROM generate_series(1, 30000) AS n');
    expect(rows).toHaveLength(30_000);
    await source.close();
    await until(() => sshd.connections() === 0);
  });

  test.skipIf(MARIADB.server === null)('carries a source of MySQL’s kind as well', async () => {
    const mysql = await createMysqlDatabase(MARIADB.server, 1_000);
    const { signal } = new AbortController();
    const { host, port } = mysql.server;
    const source = await openThroughTunnel(tunnels, request({ to: { host, port } }), signal, (at) =>
      openMysql(mysql.config(), () => Promise.resolve(PASSWORD), signal, at),
    );
    expect((await readAll(source, 'SELECT n FROM numbers')).rows).toHaveLength(1_000);
    await source.close();
    await mysql.drop();
  });

  test('carries a source of SQL Server’s kind as well, here a peer of the tests’ own', async () => {
    const numbers = Buffer.concat([
      tds.columns([['n', varchar(10)]]),
      ...Array.from({ length: 1_000 }, (_, index) => tds.row(tds.inShort(Buffer.from(String(index + 1))))),
      tds.done(1_000),
    ]);
    const peer = await startTdsPeer({ answer: (sql) => (sql.includes('numbers') ? numbers : undefined) });
    const to = { host: '127.0.0.1', port: peer.port };
    const { signal } = new AbortController();
    // The server is reached by the SSH server alone: nobody answers at the address that the definition has.
    const config = peer.config({ host: 'sql.internal', port: 1433 });
    const source = await openThroughTunnel(tunnels, request({ to }), signal, (at) =>
      openMssql(config, () => Promise.resolve(PEER_PASSWORD), signal, at),
    );
    expect((await readAll(source, 'SELECT n FROM numbers')).rows).toHaveLength(1_000);
    await source.close();
    await peer.stop();
  });

  test('is open to this machine alone', async () => {
    const { address } = await open();
    expect(address.host).toBe('127.0.0.1');
    const elsewhere = createConnection({ ...address, host: '127.0.0.2' });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => elsewhere.once('error', resolve));
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('is shared by those who use it at once, and closed when the last one goes', async () => {
    const [one, other] = await Promise.all([openSource(), openSource()]);
    expect(sshd.connections()).toBe(1);
    await one.close();
    expect(await other.clock()).toBeGreaterThan(0);
    await other.close();
    await until(() => sshd.connections() === 0);
    const again = await openSource();
    expect(sshd.connections()).toBe(1);
    await again.close();
  });

  test('stops a query on the server when its reader leaves', async () => {
    const source = await openSource();
    const abort = new AbortController();
    const query = source.query(queryRequest('SELECT pg_sleep(60)', { signal: abort.signal }));
    const running = `SELECT 1 FROM pg_stat_activity WHERE usename = '${database.role}' AND query LIKE '%pg_sleep%' AND state = 'active'`;
    await until(async () => (await database.admin.query(running)).rows.length > 0);
    abort.abort(new Error('cancelled'));
    await expect(query).rejects.toThrow('cancelled');
    expect((await database.admin.query(running)).rows).toEqual([]);
    await source.close();
  });

  test('with a key that the server does not know is refused, and not tried without end', async () => {
    sshd.authorize(generateKeyPair('another').publicKey);
    const words = await refusal('tunnel_login_refused');
    expect(words).toContain(`refused the key for the user ${sshd.user}`);
  });

  test('to a server with another host key says both fingerprints, and does not sign in there', async () => {
    const pinned = fingerprintOf(generateKeyPair('before').publicKey);
    const signIns = () => sshd.log.split('\n').filter((line) => line.includes('publickey')).length;
    const before = signIns();
    const words = await refusal('tunnel_host_key_changed', {
      config: { ...request().config, hostKey: pinned },
    });
    expect(words).toContain(`has the host key ${sshd.hostKey}, not ${pinned}`);
    expect(signIns()).toBe(before);
  });

  test('where forwarding is forbidden says so, to a source as well', async () => {
    for (const options of ['restrict', 'restrict,port-forwarding,permitopen="127.0.0.1:1"']) {
      sshd.authorize(`${options} ${pair.publicKey}`);
      const failure = await failureOf(openSource());
      expect(failure.code).toBe('tunnel_forwarding_refused');
      expect(failure.message).toContain('forbids forwarding');
      expect(await failureOf((await open()).probe())).toMatchObject({ code: 'tunnel_forwarding_refused' });
    }
  });

  test('to a database that the SSH server cannot reach names both', async () => {
    const failure = await failureOf(openSource({ to: { host: '127.0.0.1', port: 1 } }));
    expect(failure.code).toBe('source_unreachable');
    expect(failure.message).toContain(
      `127.0.0.1:1 cannot be reached from the SSH server 127.0.0.1:${sshd.port} (Connection refused)`,
    );
  });

  test('leaves a failure of the database itself as it is', async () => {
    await database.admin.query(`ALTER ROLE ${database.role} NOLOGIN`);
    expect(await failureOf(openSource())).toMatchObject({ code: 'source_login_refused' });
    await database.admin.query(`ALTER ROLE ${database.role} LOGIN`);
    await until(() => sshd.connections() === 0);
  });

  test('that breaks in mid-read ends the read at once, and the next one is new', async () => {
    const source = await openSource();
    const sql = 'SELECT n, pg_sleep(CASE WHEN n > 100 THEN 60 ELSE 0 END) FROM generate_series(1, 200) AS n';
    const { pages } = await source.query(queryRequest(sql, { pageRows: 100 }));
    const reading = failureOf(Array.fromAsync(pages));
    await sshd.stop();
    expect(await reading).toMatchObject({ code: 'tunnel_broken', retryable: true });
    await source.close();
    await sshd.start();
    const next = await openSource();
    expect(await next.clock()).toBeGreaterThan(0);
    await next.close();
  });

  test('that falls silent is given up when its keep-alives are not answered', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const relay = await startServer(
      serve((socket) => {
        const sshdSide = createConnection({ host: '127.0.0.1', port: sshd.port });
        sshdSide.on('error', () => undefined);
        socket.on('close', () => sshdSide.destroy());
        socket.pipe(sshdSide).pipe(socket);
        stopRelaying = () => sshdSide.unpipe(socket);
      }),
    );
    let stopRelaying: () => unknown = () => undefined;
    const tunnel = await open({ config: { ...request().config, port: relay.port } });
    await tunnel.probe();
    stopRelaying();
    await vi.advanceTimersByTimeAsync(20_000);
    await tunnel.ended;
    expect(await failureOf(tunnel.probe())).toMatchObject({ code: 'tunnel_broken' });
  });

  test('to a server that accepts and never answers ends by a time limit', async () => {
    const { port } = await silent();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const words = refusal('tunnel_unreachable', { config: { ...request().config, port } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await words).toContain(`127.0.0.1:${port} cannot be reached (no answer within 10000 ms)`);
  });

  test('to nobody, and to what is no SSH server, cannot be opened', async () => {
    const nobody = await refusal('tunnel_unreachable', { config: { ...request().config, port: 1 } });
    expect(nobody).toContain('ECONNREFUSED');
    const { port } = await startServer(serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await refusal('tunnel_unreachable', { config: { ...request().config, port } });
  });

  test('that nobody waits for any more is not opened', async () => {
    const { port } = await silent();
    const abort = new AbortController();
    const use = tunnels.use(request({ config: { ...request().config, port } }), abort.signal);
    abort.abort(new Error('cancelled'));
    await expect(use).rejects.toThrow('cancelled');
  });
});
