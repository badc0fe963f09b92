import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identityToRecipient } from 'age-encryption';
import { messageOf, RowcastError } from '../errors.ts';
import { requireIdentities } from './identities.ts';
import type { Redactor } from './redact.ts';
import type { SealedText, SecretReference } from './reference.ts';
import { seal, unseal } from './sealed.ts';
import type { Binding, SecretOwner } from './sealed.ts';

/**
 * Finds the value of a secret.
 *
 * @param field the path of the reference in its definition, such as `source.password`.
 * @throws RowcastError secret_missing, naming both places where it may be put; secret_refused for what was sealed for
 * something else.
 */
export type ResolveSecret = (reference: SecretReference, field: string) => Promise<string>;

/** What only a worker can do with secrets. */
export interface Secrets {
  /** Resolves the secrets of one integration or destination. */
  of(owner: SecretOwner): ResolveSecret;
  /** Seals what the worker itself has made, such as a private key, to the first of its identities. @throws RowcastError secret_missing */
  seal(value: string, binding: Binding): Promise<SealedText>;
}

export interface SecretPlaces {
  readonly env: NodeJS.ProcessEnv;
  /** Told of every value, so that none is ever shown. */
  readonly redactor: Redactor;
}

/**
 * Resolves secrets by name, and by nothing else: `shop-password` is `ROWCAST_SECRET_SHOP_PASSWORD` in the
 * environment, or the file `shop-password` in the secrets folder `ROWCAST_SECRETS_DIR`. No other variable or file can
 * be named. Sealed values are opened with the identities of `ROWCAST_IDENTITY`.
 */
export function createSecrets({ env, redactor }: SecretPlaces): Secrets {
  return {
    of: (owner) => async (reference, field) => {
      const value =
        typeof reference === 'string'
          ? await unseal(reference, { ...owner, field }, await requireIdentities(env))
          : await namedSecret(reference.secret, env);
      redactor.remember(value);
      return value;
    },
    async seal(value, binding) {
      redactor.remember(value);
      const [identity] = await requireIdentities(env);
      return seal(value, binding, await identityToRecipient(identity));
    },
  };
}

async function namedSecret(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const variable = `ROWCAST_SECRET_${name.toUpperCase().replaceAll('-', '_')}`;
  // A variable that is set but empty, as container tools leave it, is not there.
  const value = env[variable] || (await readSecretFile(env['ROWCAST_SECRETS_DIR'], name));
  if (value !== null && value !== '') return value;
  throw new RowcastError(
    'secret_missing',
    `The secret ${name} is missing on the worker; set ${variable}, or put it into the file ${name} in the folder ROWCAST_SECRETS_DIR, and restart the worker.`,
  );
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
