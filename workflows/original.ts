import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { StorageActivities } from '../activities/types.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import type { ImportRecord } from './contract.ts';
import { storageFailure } from './failure.ts';
import type { BeginRunRequest, SyncState } from './messages.ts';
import { storageControlQueue } from './queueNames.ts';
import { whyNotRetried } from './retry.ts';

/**
 * The import of the run that a retry is to retry, once it can have the lease; null for any other run.
 *
 * @throws ApplicationFailure nothing_to_retry, not_found
 */
export async function originalOf(
  state: SyncState,
  { run, retry }: BeginRunRequest,
): Promise<ImportRecord | null> {
  const isRecorded = state.imports.some((record) => record.run === run);
  if (retry === undefined || state.lease !== null || isRecorded) return null;
  const { definition, storage, imports, outgoing = [] } = state;
  const isOriginal = (record: ImportRecord) => record.run === retry.of;
  const held = imports.find(isOriginal) ?? outgoing.findLast(isOriginal);
  const original = held ?? (await archivedImport(storage, definition.name, retry.of));
  const reason =
    original === null
      ? `There is no import of a run ${retry.of} of the sync ${definition.name}.`
      : whyNotRetried(original);
  if (reason === null) return original;
  throw ApplicationFailure.nonRetryable(reason, original === null ? 'not_found' : 'nothing_to_retry');
}

/** How long storage may take to find it. */
const FIND_MS = 25_000;

async function archivedImport(
  storage: StorageIdentity,
  sync: string,
  run: string,
): Promise<ImportRecord | null> {
  const { findImport } = proxyActivities<Pick<StorageActivities, 'findImport'>>({
    taskQueue: storageControlQueue(storage.id),
    scheduleToCloseTimeout: FIND_MS,
    startToCloseTimeout: '20 seconds',
    summary: 'find the import of a run that is retried',
  });
  return findImport({ sync, run }).catch((error: unknown) => {
    throw storageFailure(error, { storage, storageWaitMs: FIND_MS });
  });
}
