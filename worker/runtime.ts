import { Runtime } from '@temporalio/worker';
import { cannotListen, listenAddress } from './address.ts';
import type { Log } from './log.ts';
import { SdkLogger } from './sdkLogger.ts';

const METRICS_VARIABLE = 'ROWCAST_METRICS_ADDRESS';

/** From a destination next door to one that is given up: see ROWCAST_REQUEST_TIMEOUT_MS. */
const REQUEST_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Installs the SDK's runtime. Metrics of Temporal's SDK and Rowcast's own are served for Prometheus where an address
 * is given.
 *
 * @returns whether they are.
 */
export function installRuntime(env: NodeJS.ProcessEnv, log: Log): boolean {
  const logger = new SdkLogger(log);
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  const address = listenAddress(env, METRICS_VARIABLE);
  if (address === null) {
    Runtime.install({ logger, telemetryOptions: { logging } });
    return false;
  }
  const prometheus = {
    bindAddress: `${address.host}:${address.port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: { rowcast_destination_request: REQUEST_SECONDS },
  };
  try {
    Runtime.install({ logger, telemetryOptions: { logging, metrics: { prometheus } } });
    return true;
  } catch (error) {
    throw cannotListen(METRICS_VARIABLE, address, error);
  }
}
