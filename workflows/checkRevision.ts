import { ApplicationFailure } from '@temporalio/workflow';

/** @throws ApplicationFailure revision_conflict where somebody else changed the definition meanwhile. */
export function checkRevision(what: string, revision: number, ifRevision: number | undefined): void {
  if (ifRevision === undefined || ifRevision === revision) return;
  throw ApplicationFailure.nonRetryable(
    revision === 0
      ? `${what} does not exist, but revision ${ifRevision} of it was to be changed. List what exists and try again.`
      : `${what} is at revision ${revision}, not ${ifRevision}: somebody changed it meanwhile. Look at it again, then repeat your change.`,
    'revision_conflict',
  );
}
