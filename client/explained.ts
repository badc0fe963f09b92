import {
  isGrpcServiceError,
  QueryRejectedError,
  ScheduleNotFoundError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { isFailureCode, messageOf, RowcastError } from '../errors.ts';
import { ENDED_MEANWHILE, NOT_TAKEN_UP } from '../workflows/contract.ts';

/** gRPC status codes that mean that nobody is there. */
const GRPC_UNAVAILABLE = 14;
const GRPC_DEADLINE_EXCEEDED = 4;
const GRPC_NOT_FOUND = 5;
const GRPC_PERMISSION_DENIED = 7;
const GRPC_UNAUTHENTICATED = 16;
/** How the server answers a query for a workflow whose task queue nobody polls. */
const GRPC_FAILED_PRECONDITION = 9;

/** Who was asked. */
interface Asked {
  readonly address: string;
  readonly taskQueue: string;
}

/** What Temporal's client threw, as a `RowcastError` where Rowcast can name it, else as it is. */
export function explained(error: unknown, { address, taskQueue }: Asked): unknown {
  if (error instanceof RowcastError) return error;
  const cause =
    error instanceof WorkflowUpdateFailedError || error instanceof WorkflowFailedError ? error.cause : error;
  const failure = deepestApplicationFailure(cause);
  if (failure !== null && isFailureCode(failure.type)) {
    return new RowcastError(failure.type, failure.message, { cause: error });
  }
  if (failure?.type === ENDED_MEANWHILE) {
    return new RowcastError(
      'not_found',
      'Its workflow ended before it answered, as when somebody terminates it; try again, which brings it back.',
      { cause: error },
    );
  }
  if (failure?.type === NOT_TAKEN_UP) {
    return new RowcastError(
      'no_worker',
      `No worker on the task queue ${taskQueue} took the request up, as when Temporal's server is killed meanwhile; nothing was changed, so try again.`,
      { cause: error },
    );
  }
  if (hasTimedOut(cause)) {
    return new RowcastError(
      'no_worker',
      `What has to be done for it was not done in time by the workers on the task queue ${taskQueue}, as when one is killed meanwhile; it may be done yet, so look first, and try again.`,
      { cause: error },
    );
  }
  if (error instanceof ScheduleNotFoundError) return noSchedule(error);
  if (
    error instanceof WorkflowNotFoundError ||
    error instanceof QueryRejectedError ||
    grpcCode(error) === GRPC_NOT_FOUND
  ) {
    return new RowcastError('not_found', `Temporal does not know it: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  if (grpcCode(error) === GRPC_PERMISSION_DENIED || grpcCode(error) === GRPC_UNAUTHENTICATED) {
    return new RowcastError(
      'temporal_unreachable',
      `The Temporal server at ${address} refuses this client: ${messageOf(error)}; check TEMPORAL_NAMESPACE and TEMPORAL_API_KEY.`,
      { cause: error },
    );
  }
  if (grpcCode(error) === GRPC_UNAVAILABLE) return unreachable(address, error);
  if (
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
    grpcCode(error) === GRPC_DEADLINE_EXCEEDED ||
    grpcCode(error) === GRPC_FAILED_PRECONDITION
  ) {
    return new RowcastError(
      'no_worker',
      `No answer came in time from the workers on the task queue ${taskQueue}; see whether one is still running, and look at its log.`,
      { cause: error },
    );
  }
  if (grpcCode(error) === null) return error;
  return new RowcastError(
    'temporal_unreachable',
    `The Temporal server at ${address} answered with an error: ${wordsOf(error)}; try again, and look at its log where it does so again.`,
    { cause: error },
  );
}

/** The server's own words stand below the client's. */
function wordsOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return at.details;
  }
  return messageOf(error);
}

/** A failure's code may stand below others, such as that of an activity. */
function deepestApplicationFailure(error: unknown): ApplicationFailure | null {
  let found: ApplicationFailure | null = null;
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ApplicationFailure) found = at;
  }
  return found;
}

/** Whether an activity that a workflow needed did not come to its end. */
function hasTimedOut(error: unknown): boolean {
  return error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
}

function grpcCode(error: unknown): number | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return at.code;
  }
  return null;
}

function noSchedule(cause: ScheduleNotFoundError): RowcastError {
  return new RowcastError(
    'not_found',
    `There is no Schedule ${cause.scheduleId}: its sync does not exist, or the Schedule was deleted elsewhere; \`rowcast apply\` creates it.`,
    { cause },
  );
}

/** Nobody answers at an address. */
export function unreachable(address: string, cause: unknown): RowcastError {
  return new RowcastError(
    'temporal_unreachable',
    `The Temporal server at ${address} cannot be reached; check TEMPORAL_ADDRESS, or start one with \`npx rowcast dev\`.`,
    { cause },
  );
}
