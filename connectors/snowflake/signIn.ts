import { createPrivateKey } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import type { SecretReference } from '../../secrets/reference.ts';
import type { ResolveSecret } from '../../secrets/resolve.ts';
import type { SnowflakeConfig } from './config.ts';
import { unusableKey } from './failures.ts';

/** How a request is answered at all, in milliseconds; the service says within a minute that it needs longer. */
const REQUEST_TIMEOUT_MS = 60_000;

/** What the driver needs to connect. @throws RowcastError where a secret is missing or is no key. */
export async function connectionOptions(
  config: SnowflakeConfig,
  secrets: ResolveSecret,
): Promise<Record<string, unknown>> {
  const { account, url, user, warehouse, role, database, schema } = config;
  return {
    ...{ account, username: user, warehouse, database, schema, application: 'rowcast' },
    ...(role !== undefined && { role }),
    ...(url !== undefined && { accessUrl: url }),
    ...(await credentials(config, secrets)),
    timeout: REQUEST_TIMEOUT_MS,
    sfRetryMaxLoginRetries: 0,
  };
}

async function credentials(
  { privateKey, passphrase, password }: SnowflakeConfig,
  secrets: ResolveSecret,
): Promise<Record<string, string>> {
  if (privateKey === undefined)
    return password === undefined ? {} : { password: await secrets(password, 'source.password') };
  const opened = openKey(
    privateKey,
    await secrets(privateKey, 'source.privateKey'),
    passphrase === undefined ? undefined : await secrets(passphrase, 'source.passphrase'),
  );
  return { authenticator: 'SNOWFLAKE_JWT', privateKey: opened };
}

/** The key without its passphrase, as the driver takes it. */
function openKey(reference: SecretReference, pem: string, passphrase: string | undefined): string {
  let key;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    throw unusableKey(reference, messageOf(error));
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw unusableKey(reference, `it is of the type ${key.asymmetricKeyType}`);
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
