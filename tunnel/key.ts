import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

/** A pair of keys with which a tunnel signs in, both halves in OpenSSH's form. */
export interface KeyPair {
  /** One line for `authorized_keys`, its comment included. */
  readonly publicKey: string;
  /** `-----BEGIN OPENSSH PRIVATE KEY-----` and what follows, without a passphrase. */
  readonly privateKey: string;
}

/**
 * Makes an Ed25519 pair. @param comment names in `authorized_keys` whose key it is.
 *
 * One in 256 public keys begins with a zero byte, which ssh2 1.17 leaves out: nobody can read such a pair, so another
 * one is made in its place.
 */
export function generateKeyPair(comment: string): KeyPair {
  for (;;) {
    const { public: publicKey, private: privateKey } = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(privateKey) instanceof Error)) return { publicKey, privateKey };
  }
}

/** The fingerprint of a public key, as OpenSSH shows it. @param key a key's bytes, or its line for `authorized_keys`. */
export function fingerprintOf(key: Buffer | string): string {
  const bytes = typeof key === 'string' ? Buffer.from(key.split(' ')[1] ?? '', 'base64') : key;
  return `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`;
}
