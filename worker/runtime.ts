import { Runtime } from '@temporalio/worker';
import { cannotListen, listenAddress } from './address.ts';
import type { Log } from './log.ts';
import { SdkLogger } from './sdkLogger.ts';

const METRICS_VARIABLE = 'ROWCAST_METRICS_ADDRESS';

/** Installs the SDK's runtime. Metrics of Temporal's SDK and Rowcast's own are served for Prometheus where an address is given. */
export function installRuntime(env: NodeJS.ProcessEnv, log: Log): void {
  const logger = new SdkLogger(log);
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  const address = listenAddress(env, METRICS_VARIABLE);
  if (address === null) return void Runtime.install({ logger, telemetryOptions: { logging } });
  const prometheus = {
    bindAddress: `${address.host}:${address.port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
  };
  try {
    Runtime.install({ logger, telemetryOptions: { logging, metrics: { prometheus } } });
  } catch (error) {
    throw cannotListen(METRICS_VARIABLE, address, error);
  }
}
