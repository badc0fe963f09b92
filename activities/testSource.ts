import { sourceAddress, sourceServer } from '../connectors/config.ts';
import type { SourceConfig } from '../connectors/config.ts';
import type { Address, Source } from '../connectors/source.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import { placeOfSource } from '../definitions/place.ts';
import type { FailureCode } from '../errors.ts';
import { RowcastError } from '../errors.ts';
import type { SealedTunnelKey } from '../tunnel/sealedKey.ts';
import type { TunnelUse } from '../tunnel/shared.ts';
import type { ConnectionTestRequest } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { keyToTest } from './openIntegration.ts';
import { findName, openPort } from './reach.ts';
import type { Reached } from './reach.ts';
import type { Steps } from './testSteps.ts';

type IntegrationTest = Extract<ConnectionTestRequest, { kind: 'integration' }>;

/** Tries a source out from its name to its clock. No row is read. @throws RowcastError of the first step that failed */
export async function testSource(
  { definition, key }: IntegrationTest,
  deps: ActivityDeps,
  steps: Steps,
  signal: AbortSignal,
): Promise<void> {
  const { source: config, tunnel } = definition;
  const server = tunnel === undefined ? reachedSource(config) : reachedTunnel(tunnel);
  if (server !== null) await testPort(server, steps, signal);
  const used = await testTunnel(definition, key, deps, steps, signal);
  try {
    const source = await testLogin(definition, used?.key ?? null, deps, steps, signal);
    try {
      await testReading(source, config, steps, signal);
    } finally {
      await source.close();
    }
  } finally {
    await used?.use.release();
  }
}

const reachedTunnel = ({ host, port }: Address): Reached => {
  return { host, port, field: 'tunnel', code: 'tunnel_unreachable' };
};

/** Null where a source is a service of the web, which its driver reaches. */
function reachedSource(config: SourceConfig): Reached | null {
  const address = sourceAddress(config);
  return address === null ? null : { ...address, field: 'source', code: 'source_unreachable' };
}

async function testPort(server: Reached, steps: Steps, signal: AbortSignal): Promise<void> {
  const { host, port } = server;
  await steps.run(
    'name found',
    () => findName(server),
    (addresses) => (addresses === host ? host : `${host} is ${addresses}`),
  );
  await steps.run(
    'port open',
    () => openPort(server, signal),
    () => `${host}:${port}`,
  );
}

/** Which step a failure of the tunnel belongs to; the steps before it were passed. */
const OF_TUNNEL: Partial<Record<FailureCode, readonly string[]>> = {
  tunnel_unreachable: ['host key'],
  tunnel_host_key_changed: ['host key'],
  tunnel_host_key_unknown: ['host key'],
  tunnel_login_refused: ['host key', 'SSH login'],
};

async function testTunnel(
  definition: IntegrationDefinition,
  given: SealedTunnelKey | undefined,
  { useTunnel }: ActivityDeps,
  steps: Steps,
  signal: AbortSignal,
): Promise<{ readonly use: TunnelUse; readonly key: SealedTunnelKey } | null> {
  const { tunnel, source } = definition;
  if (tunnel === undefined) return null;
  const hostKey = () => steps.passed('host key', tunnel.hostKey ?? '');
  const open = async () => {
    const key = given ?? (await keyToTest(definition));
    return { key, use: await useTunnel(definition, key, signal) };
  };
  const opened = await open().catch((error: unknown) => {
    const [first = 'SSH login', second] = error instanceof RowcastError ? (OF_TUNNEL[error.code] ?? []) : [];
    if (second !== undefined) hostKey();
    throw steps.failed(second ?? first, error);
  });
  hostKey();
  steps.passed(
    'SSH login',
    `${tunnel.user} at ${tunnel.host}:${tunnel.port}, with ${opened.key.fingerprint}`,
  );
  try {
    await steps.run(
      'forwarding',
      () => opened.use.tunnel.probe(),
      () => `to ${sourceServer(source)}`,
    );
    return opened;
  } catch (error) {
    await opened.use.release();
    throw error;
  }
}

/** Failures of those who were let in by TLS already. */
const AFTER_TLS: ReadonlySet<FailureCode> = new Set([
  'source_login_refused',
  'source_database_missing',
  'source_permission_denied',
]);

const TLS_WORDS = {
  verify: 'the certificate is valid',
  require: 'encrypted, and the certificate is not checked',
  off: 'off, so nothing is encrypted',
} as const;

async function testLogin(
  definition: IntegrationDefinition,
  key: SealedTunnelKey | null,
  { openSource }: ActivityDeps,
  steps: Steps,
  signal: AbortSignal,
): Promise<Source> {
  const { source: config } = definition;
  const passTls = () => {
    if ('tls' in config) steps.passed('TLS', TLS_WORDS[config.tls]);
  };
  const source = await openSource(definition, key, signal).catch((error: unknown) => {
    const code = error instanceof RowcastError ? error.code : null;
    if (code === 'source_tls_failed') throw steps.failed('TLS', error);
    if (code !== null && AFTER_TLS.has(code)) passTls();
    throw steps.failed('login', error);
  });
  passTls();
  const { user, server, database } = placeOfSource(config);
  const words = sourceAddress(config) === null ? `${user} at ${server}` : user;
  steps.passed('login', `${words}, database ${database}`);
  return source;
}

async function testReading(
  source: Source,
  config: SourceConfig,
  steps: Steps,
  signal: AbortSignal,
): Promise<void> {
  const sql = 'SELECT 1 AS one';
  await steps.run(
    'only reading',
    async () => Array.fromAsync((await source.query({ sql, pageRows: 1, signal })).pages),
    () => `${sql} was answered ${howItOnlyReads(config)}`,
  );
  await steps.run(
    'clock',
    () => source.clock(),
    (ms) => clockWords(ms, Date.now()),
  );
}

function howItOnlyReads(config: SourceConfig): string {
  if (config.kind === 'mssql') return 'in a transaction that was rolled back';
  if (sourceAddress(config) !== null) return 'in a session that cannot write';
  return 'after the service had said that it only reads';
}

/** @param sourceMs, workerMs milliseconds since 1970. */
function clockWords(sourceMs: number, workerMs: number): string {
  const seconds = Math.round((sourceMs - workerMs) / 1_000);
  const side = seconds > 0 ? 'ahead of' : 'behind';
  const apart = seconds === 0 ? 'like' : `${Math.abs(seconds)} s ${side}`;
  return `${new Date(sourceMs).toISOString()}, ${apart} this worker's`;
}
