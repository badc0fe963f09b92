import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { missingAttributesWords, registerSearchAttributes } from '../activities/searchAttributes.ts';
import { scheduleSweep } from '../activities/sweepSchedule.ts';
import { messageOf, RowcastError } from '../errors.ts';
import { connectNative } from './connection.ts';
import type { Log } from './log.ts';

/** Puts what workers need into a namespace, in so far as it lets this one; without it they work all the same. */
export async function prepareNamespace(
  { connection, client }: { readonly connection: NativeConnection; readonly client: Client },
  storage: Parameters<typeof scheduleSweep>[1],
  log: Log,
): Promise<void> {
  const { namespace } = client.options;
  const at = { operatorService: connection.operatorService, namespace };
  const words = missingAttributesWords(namespace, await registerSearchAttributes(at));
  if (words !== null) log.warn(words);
  try {
    await scheduleSweep(client, storage);
  } catch (error) {
    log.warn(
      `The Schedule that sweeps the storage cannot be created (${messageOf(error)}); old files stay until a worker that may do so starts.`,
    );
  }
}

/**
 * Registers the search attributes, as a worker does when it starts; answers the namespace and what it has.
 *
 * @throws RowcastError temporal_unreachable; setup_refused where some cannot be registered.
 */
export async function setUpNamespace(): Promise<{ namespace: string; registered: readonly string[] }> {
  const { connection, namespace } = await connectNative();
  try {
    const at = { operatorService: connection.operatorService, namespace };
    const result = await registerSearchAttributes(at);
    const words = missingAttributesWords(namespace, result);
    if (words !== null) throw new RowcastError('setup_refused', words);
    return { namespace, registered: result.registered };
  } finally {
    await connection.close();
  }
}
