import { RowcastError } from '../errors.ts';

/** Where a server of the worker's own listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * An address to listen on, from the environment; null where it is not set.
 *
 * @throws RowcastError definition_invalid naming the variable, its value and the fix.
 */
export function listenAddress(env: NodeJS.ProcessEnv, variable: string): ListenAddress | null {
  const text = env[variable] ?? '';
  if (text === '') return null;
  const [, host = '', digits = ''] = /^(?:\[?([^\s/[\]]+)\]?):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host !== '' && port >= 1 && port <= 65_535) return { host, port };
  throw new RowcastError(
    'definition_invalid',
    `The environment variable ${variable} is ${JSON.stringify(text)}; give the address to listen on, such as "127.0.0.1:9464", or unset it.`,
  );
}

/** Why an address cannot be listened on. */
export function cannotListen(variable: string, { host, port }: ListenAddress, cause: unknown): RowcastError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new RowcastError(
    'definition_invalid',
    `The worker cannot listen on ${host}:${port} (${words}); give another address in ${variable}, or stop what listens there.`,
    { cause },
  );
}
