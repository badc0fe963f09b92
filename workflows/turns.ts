import { CancellationScope, condition } from '@temporalio/workflow';

/**
 * Lets one task at a time through, in the order of arrival, so that state changes one after the other. A task runs
 * to its end though somebody cancels the workflow.
 */
export type Turns = <Result>(task: () => Promise<Result>) => Promise<Result>;

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(() => CancellationScope.nonCancellable(task));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Does what changes nothing beside other tasks; to its end, as in a turn. */
export function besides<Result>(task: () => Promise<Result>): Promise<Result> {
  return CancellationScope.nonCancellable(task);
}

/**
 * Waits until something is so. What holds a definition is no task that could be cancelled: it goes on when another
 * tool tries, and is deleted with Rowcast's own.
 *
 * @param untilMs waits no longer than until then, in milliseconds since 1970; null: for as long as it takes.
 */
export function uncancelled(isSo: () => boolean, untilMs: number | null = null): Promise<void> {
  return CancellationScope.nonCancellable(async () => {
    if (untilMs === null) await condition(isSo);
    else await condition(isSo, Math.max(1, untilMs - Date.now()));
  });
}
