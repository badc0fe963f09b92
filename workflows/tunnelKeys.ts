import { ApplicationFailure, ActivityFailure, proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SealedTunnelKey, TunnelKey, TunnelKeys } from '../tunnel/sealedKey.ts';
import type { ConnectionTest, KeyAnswer, KeyRequest } from './contract.ts';

/*
 * The keys of an integration's tunnel. A new one is pending: it becomes the active one only by being saved, and that
 * only once a connection to the database with it has succeeded. Until then runs go on with the active one.
 */

const { makeTunnelKey } = proxyActivities<Pick<ControlActivities, 'makeTunnelKey'>>({
  startToCloseTimeout: '12 seconds',
  scheduleToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds' },
  summary: 'make a key for the tunnel',
});

const { testConnection } = proxyActivities<Pick<ControlActivities, 'testConnection'>>({
  startToCloseTimeout: '35 seconds',
  scheduleToCloseTimeout: '40 seconds',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
  summary: 'test the connection before it is saved',
});

export const NO_KEYS: TunnelKeys = { active: null, pending: null };

/** What somebody asked for, done: the keys as they are then. */
export async function changeKeys(
  name: string,
  keys: TunnelKeys,
  { action }: KeyRequest,
): Promise<{ readonly keys: TunnelKeys; readonly change: KeyAnswer['change'] }> {
  if (action === 'discard') {
    return keys.pending === null
      ? { keys, change: 'unchanged' }
      : { keys: { ...keys, pending: null }, change: 'discarded' };
  }
  // Whoever rotates while somebody else does gets the same key, so that both put the one on the server that is saved.
  const isWanted = action === 'rotate' || keys.active === null;
  if (keys.pending !== null || !isWanted) return { keys, change: 'unchanged' };
  return { keys: { ...keys, pending: await makeTunnelKey(name) }, change: 'created' };
}

/** Without the private half. */
export function publicHalf(key: SealedTunnelKey | null): TunnelKey | null {
  if (key === null) return null;
  const { publicKey, fingerprint, createdAt } = key;
  return { publicKey, fingerprint, createdAt };
}

/**
 * The keys that are saved with a definition: a pending one becomes active once the database was reached with it.
 *
 * @throws ApplicationFailure connection_test_failed, tunnel_key_missing; nothing changes then.
 */
export async function savedKeys(definition: IntegrationDefinition, keys: TunnelKeys): Promise<TunnelKeys> {
  if (definition.tunnel === undefined) return keys;
  const { active, pending } = keys;
  const { name } = definition;
  if (pending !== null) {
    await mustWork(definition, pending);
    return { active: pending, pending: null };
  }
  if (active !== null) return keys;
  throw ApplicationFailure.nonRetryable(
    `The tunnel of the integration ${name} has no key yet; make one with \`rowcast integration key ${name}\`, put it on the SSH server, and save again.`,
    'tunnel_key_missing',
  );
}

async function mustWork(definition: IntegrationDefinition, key: SealedTunnelKey): Promise<void> {
  const { ok, steps } = await tested(definition, key);
  if (ok) return;
  const { name } = definition;
  const failed = steps.at(-1);
  throw ApplicationFailure.nonRetryable(
    `The integration ${name} was not saved, since the database was not reached with the pending key ${key.fingerprint}; runs go on as before. ${failed?.step ?? 'The test'} failed: ${failed?.words ?? ''} Put the key that \`rowcast integration key ${name}\` prints on the SSH server and save again, or take it back with \`rowcast integration key ${name} --discard\`.`,
    'connection_test_failed',
  );
}

async function tested(definition: IntegrationDefinition, key: SealedTunnelKey): Promise<ConnectionTest> {
  try {
    return await testConnection({ kind: 'integration', definition, key });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    throw ApplicationFailure.nonRetryable(
      `The integration ${definition.name} was not saved, since its connection could not be tested to the end (${error.cause?.message ?? error.message}); try again.`,
      'connection_test_failed',
    );
  }
}
