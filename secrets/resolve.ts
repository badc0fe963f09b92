import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RowcastError } from '../errors.ts';
import type { Redactor } from './redact.ts';
import type { SecretReference } from './reference.ts';

/** Finds the value of a secret. @throws RowcastError secret_missing, naming both places where it may be put. */
export type ResolveSecret = (reference: SecretReference) => Promise<string>;

export interface SecretPlaces {
  readonly env: NodeJS.ProcessEnv;
  /** `ROWCAST_SECRETS_DIR`, where it is set. */
  readonly folder: string | undefined;
  /** Told of every value, so that none is ever shown. */
  readonly redactor: Redactor;
}

/**
 * Resolves secrets by name, and by nothing else: `shop-password` is `ROWCAST_SECRET_SHOP_PASSWORD` in the
 * environment, or the file `shop-password` in the secrets folder. No other variable or file can be named.
 */
export function createSecrets({ env, folder, redactor }: SecretPlaces): ResolveSecret {
  return async ({ secret }) => {
    const variable = `ROWCAST_SECRET_${secret.toUpperCase().replaceAll('-', '_')}`;
    // A variable that is set but empty, as container tools leave it, is not there.
    const value = env[variable] || (await readSecretFile(folder, secret));
    if (value === null || value === '') {
      throw new RowcastError(
        'secret_missing',
        `The secret ${secret} is missing on the worker; set ${variable}, or put it into the file ${secret} in the folder ROWCAST_SECRETS_DIR, and restart the worker.`,
      );
    }
    redactor.remember(value);
    return value;
  };
}

/** The content of a secret's file without its last line feed; null where there is no file. */
async function readSecretFile(folder: string | undefined, secret: string): Promise<string | null> {
  if (folder === undefined) return null;
  try {
    return (await readFile(join(folder, secret), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new RowcastError(
      'secret_missing',
      `The file of the secret ${secret} cannot be read: ${messageOf(error)}.`,
    );
  }
}
