import { ActivityFailure, ApplicationFailure, proxyActivities, TimeoutFailure } from '@temporalio/workflow';
import type {
  ControlActivities,
  CopyOf,
  FoundState,
  HolderKind,
  StorageActivities,
} from '../activities/types.ts';
import type { StorageIdentity } from '../storage/storage.ts';
import { storageFailure } from './failure.ts';
import { storageControlQueue } from './queueNames.ts';

const { takeOver } = proxyActivities<Pick<ControlActivities, 'takeOver'>>({
  startToCloseTimeout: '12 seconds',
  scheduleToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
  summary: 'look for a copy of the state in storage',
});

/** How long a copy waits for a machine that can reach the storage: whoever asked learns the reason in time. */
const NOBODY_CAME_MS = 8_000;

/**
 * The newest copy of this workflow's state, in whichever storage a worker has it; where there is none, the storage
 * of the worker that answered, in which the state is to be.
 *
 * @throws ActivityFailure, ApplicationFailure of the storage's failure code, in good time for whoever asked;
 * storage_mismatch where a sync existed, but its storage is not there: it must not start from 0 by itself.
 */
export async function findState(kind: HolderKind, name: string): Promise<FoundState> {
  const here = await takeOver({ kind, name });
  const elsewhere = await Promise.all((here.others ?? []).map((id) => askStorage(id, { kind, name })));
  const [newest] = [here, ...elsewhere]
    .filter(({ copy }) => copy !== null)
    .sort((left, right) => (bornAt(left) < bornAt(right) ? 1 : -1));
  if (newest === undefined && here.isScheduled === true) throw missingCopy(name, [here, ...elsewhere]);
  return newest ?? here;
}

async function askStorage(id: string, input: CopyOf): Promise<FoundState> {
  const { findCopy } = proxyActivities<Pick<StorageActivities, 'findCopy'>>({
    taskQueue: storageControlQueue(id),
    scheduleToStartTimeout: NOBODY_CAME_MS,
    scheduleToCloseTimeout: '12 seconds',
    summary: 'look for a copy of the state in another storage',
  });
  return findCopy(input).catch((error: unknown) => {
    if (!(error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)) throw error;
    throw ApplicationFailure.create({
      type: 'storage_unreachable',
      message: `A worker with the storage ${id} was there a moment ago but does not answer now, and that storage may hold the state of the ${input.kind} ${input.name}. Start that worker again; where it is gone for good, try again in two minutes.`,
    });
  });
}

/** A sync that was lost in one storage, made anew in another and lost again: the later one counts. ISO 8601. */
function bornAt({ copy }: FoundState): string {
  const { deletedAt, createdAt } = (copy?.state ?? {}) as { deletedAt?: string; createdAt?: string };
  return deletedAt ?? createdAt ?? '';
}

function missingCopy(name: string, looked: readonly FoundState[]): ApplicationFailure {
  const storages = looked.map(({ storage }) => `${storage.id} (${storage.location})`).join(', ');
  return ApplicationFailure.nonRetryable(
    `The sync ${name} has a Schedule, so it existed before, but no copy of its state is in the storage of any worker that is there: ${storages}. Start a worker with the storage that it had. Where that is lost, and everything may be sent again, delete the Schedule with \`temporal schedule delete --schedule-id rowcast-sync-${name}\`, and apply the sync again.`,
    'storage_mismatch',
  );
}

/**
 * Stores a numbered copy of a state; the state counts only once this resolves.
 *
 * @throws ApplicationFailure with the storage's failure code; whoever asked may ask again.
 */
export async function saveCopy<State extends { readonly storage: StorageIdentity; readonly copy: number }>(
  kind: HolderKind,
  name: string,
  state: State,
): Promise<State> {
  const { saveCopy: save } = proxyActivities<Pick<StorageActivities, 'saveCopy'>>({
    taskQueue: storageControlQueue(state.storage.id),
    scheduleToStartTimeout: NOBODY_CAME_MS,
    startToCloseTimeout: '12 seconds',
    scheduleToCloseTimeout: '12 seconds',
    retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
    summary: 'store a copy of the state',
  });
  const copy = { kind, name, number: state.copy + 1, state: { ...state, copy: state.copy + 1 } };
  const number = await save(copy).catch((error: unknown) => {
    throw storageFailure(error, { storage: state.storage, storageWaitMs: NOBODY_CAME_MS });
  });
  return { ...state, copy: number };
}
