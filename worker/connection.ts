import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { messageOf, RowcastError } from '../errors.ts';

/** A worker's connection to Temporal, by the variables and profiles of the Temporal CLI. */
interface Connected {
  readonly connection: NativeConnection;
  readonly namespace: string;
}

/** @throws RowcastError temporal_unreachable */
export async function connectNative(): Promise<Connected> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  try {
    return { connection: await NativeConnection.connect(connectionOptions), namespace };
  } catch (error) {
    throw new RowcastError(
      'temporal_unreachable',
      `The Temporal server at ${connectionOptions.address ?? 'localhost:7233'} cannot be reached (${messageOf(error)}); check TEMPORAL_ADDRESS, or start one with \`npx rowcast dev\`.`,
      { cause: error },
    );
  }
}
