import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/types.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import type { SealedTunnelKey, TunnelKey, TunnelKeys } from '../tunnel/sealedKey.ts';
import type { KeyAnswer, KeyRequest } from './contract.ts';
import { tryOut } from './tryOut.ts';

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
 * The keys that are saved with a definition: a pending one becomes active once the database was reached with it, and
 * only then, whatever else is to be saved without a test.
 *
 * @throws ApplicationFailure connection_test_failed, tunnel_key_missing, tunnel_host_key_unknown; nothing changes then.
 */
export async function savedKeys(
  definition: IntegrationDefinition,
  keys: TunnelKeys,
  isUntested: boolean,
): Promise<TunnelKeys> {
  const { active, pending } = keys;
  const isTried = definition.tunnel !== undefined && (pending !== null || active === null);
  if (isUntested || !isTried) return keys;
  const refusal = await tryOut(definition, keys);
  if (refusal !== null) throw ApplicationFailure.nonRetryable(refusal.message, refusal.code);
  return { active: pending, pending: null };
}
