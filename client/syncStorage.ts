import { RowcastError } from '../errors.ts';
import { findStorage } from '../storage/open.ts';
import type { Storage } from '../storage/storage.ts';
import { MESSAGES, syncWorkflowId } from '../workflows/contract.ts';
import type { SyncDescription } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';

/** The storage of a sync. @throws RowcastError storage_mismatch where this client cannot see it. */
export async function storageOf(
  context: ClientContext,
  sync: string,
  signal?: AbortSignal,
): Promise<Storage> {
  const description = await describeSync(context, sync, signal);
  const wanted = description?.storage;
  const storage = await findStorage(context.storageLocation);
  if (storage !== null && (wanted === undefined || storage.identity.id === wanted.id)) return storage;
  const theirs =
    wanted === undefined ? 'its storage' : `the storage ${wanted.id} (${wanted.location} on its worker)`;
  throw new RowcastError(
    'storage_mismatch',
    `The rows of ${sync} are in ${theirs}, but here ${context.storageLocation} is ${storage === null ? 'no storage' : `the storage ${storage.identity.id}`}; set ROWCAST_STORAGE to the former, or ask on the worker's machine.`,
  );
}

/** What a sync says of itself; null where it does not run. */
export function describeSync(
  context: ClientContext,
  sync: string,
  signal?: AbortSignal,
): Promise<SyncDescription | null> {
  return context.query<SyncDescription>(syncWorkflowId(sync), MESSAGES.describe, [], signal);
}
