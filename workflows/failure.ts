import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isFailureCode } from '../errors.ts';
import type { FailureCode } from '../errors.ts';
import type { StorageIdentity } from '../storage/storage.ts';

/** Why a run ended, in words for its import. */
export interface RunFailure {
  readonly code: FailureCode;
  readonly message: string;
  /** What the activity handed back with its failure. */
  readonly details: readonly unknown[];
}

/** Messages are cut to this many characters, so that a hundred imports stay small. */
const MESSAGE_CHARS_MAX = 1_000;

export interface RunCircumstances {
  readonly storage: StorageIdentity | null;
  readonly storageWaitMs: number;
  readonly giveUpAfter: string;
  /** What becomes of the rows now; a sentence. */
  readonly afterwards: string;
}

/** Explains what an activity failed with; a bug in Rowcast is named as one. */
export function explain(error: unknown, circumstances: RunCircumstances): RunFailure {
  if (isCancellation(error)) return { code: 'cancelled', message: 'The run was cancelled.', details: [] };
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  const details = handedBack(cause);
  const words = wordsOf(cause);
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') {
    return {
      code: 'storage_unreachable',
      message: `${nobodyCame(circumstances)} ${circumstances.afterwards}`.trimEnd(),
      details,
    };
  }
  if (
    error instanceof ActivityFailure &&
    (error.retryState === 'TIMEOUT' || cause instanceof TimeoutFailure)
  ) {
    return {
      code: 'gave_up',
      message: cut(
        `The run gave up, since it tries for ${circumstances.giveUpAfter} and no longer. The last try ended with: ${words}`,
      ),
      details,
    };
  }
  if (cause instanceof ApplicationFailure && isFailureCode(cause.type)) {
    return { code: cause.type, message: cut(words), details };
  }
  return { code: 'internal_error', message: cut(`Rowcast itself failed, which is a bug: ${words}`), details };
}

/**
 * Whether nobody heard how the last attempt of an activity ended: on a machine that is cut off from Temporal it may
 * still be at work, until it notices.
 */
export function isUnheard(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) return cause.timeoutType !== 'SCHEDULE_TO_START';
  // It was cancelled between two attempts; of the one before, Temporal does not say how it ended.
  return cause instanceof CancelledFailure;
}

/** With its failure, or by the last heartbeat of an attempt that was not heard of again. */
function handedBack(cause: unknown): readonly unknown[] {
  if (cause instanceof ApplicationFailure) return cause.details ?? [];
  return cause instanceof TimeoutFailure ? [cause.lastHeartbeatDetails] : [];
}

/** Why short work of a storage failed: the storage's own words, which may stand below a time-out, or that nobody did it. */
export function storageFailure(
  error: unknown,
  circumstances: Pick<RunCircumstances, 'storage' | 'storageWaitMs'>,
): unknown {
  const failed = error instanceof ActivityFailure ? error.cause : undefined;
  const cause = failed instanceof TimeoutFailure ? (failed.cause ?? failed) : failed;
  if (cause instanceof ApplicationFailure && isFailureCode(cause.type)) {
    return ApplicationFailure.create({ type: cause.type, message: cause.message });
  }
  if (!(cause instanceof TimeoutFailure)) return error;
  return ApplicationFailure.create({ type: 'storage_unreachable', message: nobodyCame(circumstances) });
}

/** No machine took a task of a storage in time. */
function nobodyCame({ storage, storageWaitMs }: Pick<RunCircumstances, 'storage' | 'storageWaitMs'>): string {
  return (
    `No worker that can reach the storage ${storage?.id ?? ''} (${storage?.location ?? ''}) took the work within ` +
    `${Math.round(storageWaitMs / 1_000)} seconds. Start a worker with ROWCAST_STORAGE set to it.`
  );
}

function wordsOf(cause: unknown): string {
  if (cause instanceof TimeoutFailure && cause.cause instanceof Error) return cause.cause.message;
  return cause instanceof Error ? cause.message : String(cause);
}

function cut(message: string): string {
  return message.length <= MESSAGE_CHARS_MAX ? message : `${message.slice(0, MESSAGE_CHARS_MAX - 1)}…`;
}
