import type { SealedText } from '../secrets/reference.ts';
import type { Secrets } from '../secrets/resolve.ts';
import { fingerprintOf, generateKeyPair } from './key.ts';

/** What anybody may know of a key with which an integration's tunnel signs in. */
export interface TunnelKey {
  /** One line for `authorized_keys`, whose comment names the integration and the day. */
  readonly publicKey: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A key with its private half, sealed for the workers and for nothing but the tunnel of its integration. */
export interface SealedTunnelKey extends TunnelKey {
  readonly sealed: SealedText;
}

/** The keys of an integration: runs use the active one; the pending one is not used until it is saved. */
export interface TunnelKeys {
  readonly active: SealedTunnelKey | null;
  readonly pending: SealedTunnelKey | null;
}

const FIELD = 'tunnel.key';
const ownerOf = (name: string) => ({ kind: 'integration', name, place: null }) as const;

/** Makes a key, whose private half leaves this process only sealed. @throws RowcastError secret_missing without an identity. */
export async function makeSealedKey(
  integration: string,
  secrets: Secrets,
  now: Date,
): Promise<SealedTunnelKey> {
  const createdAt = now.toISOString();
  const pair = generateKeyPair(`rowcast integration ${integration} ${createdAt.slice(0, 10)}`);
  return {
    publicKey: pair.publicKey,
    fingerprint: fingerprintOf(pair.publicKey),
    createdAt,
    sealed: await secrets.seal(pair.privateKey, { ...ownerOf(integration), field: FIELD }),
  };
}

/** The private half. @throws RowcastError secret_missing, secret_refused */
export function openSealedKey(integration: string, key: SealedTunnelKey, secrets: Secrets): Promise<string> {
  return secrets.of(ownerOf(integration))(key.sealed, FIELD);
}
