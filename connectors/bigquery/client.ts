import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import type { JWTInput } from 'google-auth-library';
import { within } from '../interrupts.ts';
import type { BigqueryConfig } from './config.ts';

/** For one request with its repetitions; the service answers those that wait for a query long before. */
const REQUEST_TIMEOUT_MS = 90_000;

/** A request that fails is repeated so often, a second apart: any of them may be repeated. */
const RETRIES = { autoRetry: true, maxRetries: 2, maxRetryDelay: 1 };

/** A request to the service. */
export interface ServiceRequest {
  readonly method?: 'GET' | 'POST';
  /** Below the project: `/jobs`. */
  readonly uri: string;
  readonly qs?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly json?: object;
}

/** Asks the service. @throws the driver's errors. */
export type Ask = <Answer>(request: ServiceRequest) => Promise<Answer>;

/** @param key a service account's; null for the application default credentials. */
export function createClient({ project, endpoint }: BigqueryConfig, key: JWTInput | null): Ask {
  const isSigned = endpoint.startsWith('https://');
  const client = new BigQuery({
    projectId: project,
    apiEndpoint: endpoint,
    retryOptions: RETRIES,
    userAgent: 'rowcast',
    ...(!isSigned && { authClient: new PassThroughClient() }),
    ...(isSigned && key !== null && { credentials: key }),
  });
  return async <Answer>(request: ServiceRequest) => {
    const answer = new Promise<Answer>((resolve, reject) => {
      // The driver's own parser of rows would round numbers.
      client.request({ ...request }, (error, body) =>
        error === null ? resolve(body as Answer) : reject(error),
      );
    });
    return await within(REQUEST_TIMEOUT_MS, answer);
  };
}
