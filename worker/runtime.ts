import { DefaultLogger, Runtime } from '@temporalio/worker';
import { cannotListen, listenAddress } from './address.ts';

const METRICS_VARIABLE = 'ROWCAST_METRICS_ADDRESS';

/** Installs the SDK's runtime. Metrics of Temporal's SDK and Rowcast's own are served for Prometheus where an address is given. */
export function installRuntime(env: NodeJS.ProcessEnv): void {
  const logger = new WorkerLogger('WARN');
  const address = listenAddress(env, METRICS_VARIABLE);
  if (address === null) return void Runtime.install({ logger });
  const prometheus = {
    bindAddress: `${address.host}:${address.port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
  };
  try {
    Runtime.install({ logger, telemetryOptions: { metrics: { prometheus } } });
  } catch (error) {
    throw cannotListen(METRICS_VARIABLE, address, error);
  }
}

/** The queues of a storage have activities only, of which the SDK would warn at each start. */
class WorkerLogger extends DefaultLogger {
  override log(...[level, message, meta]: Parameters<DefaultLogger['log']>): void {
    if (!message.startsWith('No workflows registered')) super.log(level, message, meta);
  }
}
