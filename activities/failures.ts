import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { RowcastError } from '../errors.ts';

/** How a failure is to be treated by Temporal, beyond what its code says. */
export interface FailureTreatment {
  /** Handed to the workflow with the failure. */
  readonly details?: readonly unknown[];
  /** Never tried again, though waiting might cure it. */
  readonly final?: boolean;
}

/**
 * What crosses the Temporal wall: a `RowcastError` becomes an `ApplicationFailure` whose type is its code.
 * Everything else is cancellation, or a bug that keeps its stack, and is thrown as it is unless it is final.
 */
export function toFailure(error: unknown, { details = [], final = false }: FailureTreatment = {}): Error {
  if (error instanceof RowcastError) {
    return ApplicationFailure.create({
      message: error.message,
      type: error.code,
      nonRetryable: final || !error.retryable,
      details: [...details],
      // An outage of somebody else's is expected; it is shown where it stands, not logged at every try.
      ...(error.retryable ? { category: ApplicationFailureCategory.BENIGN } : {}),
      ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
    });
  }
  const bug = error instanceof Error ? error : new Error(String(error));
  if (!final || bug instanceof CancelledFailure) return bug;
  return ApplicationFailure.create({ message: bug.message, type: bug.name, nonRetryable: true, cause: bug });
}

/** Runs an activity and turns what Rowcast can name into a failure that Temporal understands. */
export async function explained<Result>(
  activity: () => Promise<Result>,
  treatment?: (error: unknown) => FailureTreatment,
): Promise<Result> {
  try {
    return await activity();
  } catch (error) {
    throw toFailure(error, treatment?.(error));
  }
}

/** The reason for which a signal was aborted, as the error to throw. */
export function cancelledBy(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new CancelledFailure('The activity was cancelled.');
}
